"""The pages about Kubernetes: the chart takes their values, and what they type names what these render."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml

from tests.examples.pages import ROOT, block, blocks
from tests.helm.conftest import CHART, Render, the
from tests.helm.typed import commands, objects, option, ours, parsed

INSTALL, OPERATING = "docs/kubernetes.md", "docs/kubernetes-operating.md"
PAGES = (INSTALL, OPERATING)

SECRETS = "/etc/projections/secrets"


def values(page: str, *, changes: bool) -> list[dict[str, Any]]:
    """The values of a page in order: those that are whole, or those that are laid over the first."""
    return [
        yaml.safe_load(text)
        for text in blocks(page, "yaml")
        if text.startswith("# values.yaml")
        and text.startswith("# values.yaml, as far as it changes\n") == changes
    ]


KAFKA, REDIS = values(INSTALL, changes=False)

#: Every set of values that a reader may come to, in the order of the pages.
SETS = [
    [KAFKA],
    [REDIS],
    *([KAFKA, change] for page in PAGES for change in values(page, changes=True)),
]

COMMANDS = [words for page in PAGES for words in commands(page)]


@pytest.fixture
def rendered(render: Render) -> list[dict[str, Any]]:
    """All that any values of the pages render."""
    return [manifest for each in SETS for manifest in render(*each)]


@pytest.mark.parametrize("each", SETS, ids=range(len(SETS)))
def test_values_of_the_pages_are_taken_and_each_change_changes_something(
    render: Render, each: list[dict[str, Any]]
) -> None:
    manifests = render(*each)
    assert the(manifests, "Deployment")["metadata"]["name"] == "shop-customers"
    assert len(each) == 1 or manifests != render(KAFKA)


def test_what_the_pages_say_of_their_values_is_so(render: Render) -> None:
    assert the(render(KAFKA), "Deployment")["spec"]["replicas"] == 2
    _, secured, *_ = [*values(OPERATING, changes=True)]
    scaled = the(render(KAFKA, secured), "ScaledObject")["spec"]
    assert scaled["triggers"][0]["metadata"]["lagThreshold"] == "5000"
    authentication = block(OPERATING, "yaml", "# trigger-authentication.yaml")
    name = yaml.safe_load(authentication)["metadata"]["name"]
    assert scaled["triggers"][0]["authenticationRef"] == {"name": name}
    kinds = {each["kind"] for each in render(KAFKA, values(OPERATING, changes=True)[-1])}
    assert {"PodMonitor", "PrometheusRule"} <= kinds


@pytest.mark.parametrize("each", SETS, ids=range(len(SETS)))
def test_a_worker_takes_the_settings_and_the_projector_of_the_page(
    render: Render, each: list[dict[str, Any]], tmp_path: Path
) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/__init__.py").touch()
    projector = block(INSTALL, "python", "# shop/read_models.py")
    (tmp_path / "shop/read_models.py").write_text(projector)
    settings = the_settings(render(*each))
    for name in re.findall(rf"{SECRETS}/([\w.-]+)", settings):
        (tmp_path / name).write_text("secret")
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    (tmp_path / "projections.yaml").write_text(settings.replace(SECRETS, str(tmp_path)))
    checked = subprocess.run(
        [sys.executable, "-m", "consumer", "check", "--offline"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stderr
    assert "shop.read_models:customers handles OrderPlaced" in checked.stdout


def the_settings(manifests: list[dict[str, Any]]) -> str:
    """The projections.yaml of the one worker."""
    (text,) = [
        each["data"]["projections.yaml"]
        for each in manifests
        if each["kind"] == "ConfigMap" and "projections.yaml" in each["data"]
    ]
    return str(text)


def test_every_file_of_a_secret_that_the_first_values_name_is_a_key_that_was_typed(
    render: Render,
) -> None:
    (created, rotated) = [
        w for w in COMMANDS if w[:4] == ["kubectl", "create", "secret", "generic"]
    ]
    keys = {literal.partition("=")[0] for literal in option(created, "--from-literal")}
    assert created[4] == rotated[4] == KAFKA["defaults"]["existingSecret"]
    assert set(re.findall(rf"{SECRETS}/([\w.-]+)", the_settings(render(KAFKA)))) == keys


def test_every_object_that_a_command_names_is_rendered_or_was_created_before(
    rendered: list[dict[str, Any]],
) -> None:
    known = {(each["kind"], each["metadata"]["name"]) for each in rendered}
    for words in COMMANDS:
        if words[0] == "kubectl":
            assert objects(words) <= known, words
        if words[:3] == ["kubectl", "create", "job"]:
            known.add(("Job", words[3]))


def test_every_label_that_a_command_selects_by_is_one_of_the_workers(
    rendered: list[dict[str, Any]],
) -> None:
    selected = {label for words in COMMANDS for label in option(words, "-l", "--selector")}
    for deployment in (each for each in rendered if each["kind"] == "Deployment"):
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert selected <= {f"{key}={value}" for key, value in labels.items()}
    others = [each for each in rendered if each["kind"] == "Pod"]  # of `helm test`
    assert others
    assert not any(
        f"{key}={value}" in selected
        for each in others
        for key, value in each["metadata"]["labels"].items()
    )


def test_the_names_of_helm_and_the_files_of_all_commands_are_those_of_the_page() -> None:
    written = {
        match[1]
        for page in PAGES
        for text in blocks(page, "yaml")
        if (match := re.match(r"# ([\w.-]+\.yaml)", text))
    } | {file for words in COMMANDS for file in option(words, ">")}
    for words in COMMANDS:
        assert set(option(words, "-f", "--filename", "--values", "<")) <= written | {"-"}, words
        charts = [word for word in words if word.startswith("$CLONE/")]
        assert all(ROOT / word.removeprefix("$CLONE/") == CHART for word in charts), words
        if words[0] == "helm" and words[1] != "show" and len(words) > 2:
            assert words[2] == "shop"


def test_our_image_is_made_with_its_labels_and_is_the_one_that_yours_is_built_on() -> None:
    assert ["make", "-C", "$CLONE", "image"] in COMMANDS
    package = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    steps = block(INSTALL, "dockerfile", "# Dockerfile")
    assert f"FROM projection-consumer:{package['version']}\n" in steps


def test_every_command_of_ours_is_one_that_the_command_line_takes(tmp_path: Path) -> None:
    (tmp_path / "orders.jsonl").touch()
    typed = [said for words in COMMANDS if (said := ours(words))]
    for said in typed:
        if said == ["offsets", "reset"]:  # inline, as the name of the verb
            continue
        named = parsed(said, tmp_path)
        assert named.get("name") in (None, *KAFKA["projections"]), said
        assert named.get("topic", "orders") == "orders", said
    assert {"status", "check", "publish", "ddl"} <= {said[0] for said in typed}


def test_a_command_that_goes_wrong_would_be_found(tmp_path: Path) -> None:
    for said in (["statsu", "customers"], ["status", "--wacht"], ["publish", "orders"]):
        with pytest.raises(Exception, match=r"No such|Missing"):
            parsed(said, tmp_path)
