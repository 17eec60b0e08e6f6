"""What goes with the templates: the chart's own description, its README and the schema of its values."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from consumer.errors import Misconfigured
from consumer.settings.document import Settings
from consumer.settings.loading import load
from tests.examples.pages import ROOT, blocks
from tests.helm import schema
from tests.helm.conftest import CHART, Refused, Render, Template
from tests.tools import tool
from tests.unit.cli.test_schema import RIGHT, WRONG, with_

DESCRIPTION = yaml.safe_load((CHART / "Chart.yaml").read_text())


def test_the_readme_is_made_from_the_values(tmp_path: Path) -> None:
    for name in ("Chart.yaml", "values.yaml", "README.md.gotmpl"):
        (tmp_path / name).write_text((CHART / name).read_text())
    subprocess.run([tool("helm-docs"), "-c", tmp_path], check=True, capture_output=True)
    assert (tmp_path / "README.md").read_text() == (CHART / "README.md").read_text()


def test_the_chart_installs_the_package_that_it_stands_beside() -> None:
    package = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert DESCRIPTION["appVersion"] == package["version"]
    assert DESCRIPTION["annotations"]["artifacthub.io/license"] == package["license"]


def test_an_older_kubernetes_is_refused(helm: Path) -> None:
    def at(version: str) -> subprocess.CompletedProcess[str]:
        command = [str(helm), "template", "shop", str(CHART), "--kube-version", version]
        return subprocess.run(command, capture_output=True, text=True)

    assert at("1.28.0").returncode == 0
    assert at("1.28.3-gke.100").returncode == 0
    assert "kubeVersion" in at("1.27.9").stderr


def test_the_schema_of_the_values_is_up_to_date() -> None:
    assert schema.current() == schema.FILE.read_text()


def as_values(text: str) -> str:
    """A projections.yaml, said as values of the chart."""
    shared, projections = text.split("projections:\n", 1)
    projections, *rest = projections.split("\n\n")
    lines = ["settings:", *(f"  {line}" for line in (shared + "\n".join(rest)).splitlines())]
    lines.append("projections:")
    for line in projections.splitlines():
        if line.startswith("    "):
            lines.append(f"  {line}")
        elif line.strip():
            lines += [line, "    settings:"]
    return "\n".join(lines)


def read(text: str, folder: Path) -> Settings:
    (folder / "read.yaml").write_text(text)
    return load(folder / "read.yaml")


def rendered(template: Template, text: str) -> list[str]:
    manifests = yaml.safe_load_all(template(as_values(text)))
    return [
        manifest["data"]["projections.yaml"]
        for manifest in manifests
        if "projections.yaml" in (manifest or {}).get("data", {})
    ]


#: Nobody else says these of a chart: the port that is probed, and a drain that the pod's time is computed of.
TAKEN = [(part, line) for part, line in RIGHT if not line.startswith("http")]


@pytest.mark.parametrize(("part", "line"), TAKEN)
def test_what_the_loader_takes_the_chart_takes_and_means_the_same(
    template: Template, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str, line: str
) -> None:
    given = {"ENVIRONMENT": "prod", "PASSWORD": "x", "CLUSTER": "true", "SIZE": "7"}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    text = with_(line, to=part)
    (mounted,) = rendered(template, text)
    there = read(mounted, tmp_path)
    assert there.http is not None
    assert there.model_copy(update={"http": None}) == read(text, tmp_path)


#: Helm's own YAML reads y as yes.
REFUSED = [(part, line, place) for part, line, place in WRONG if line != "cluster: y"]


@pytest.mark.parametrize(("part", "line", "place"), REFUSED)
def test_what_the_loader_refuses_for_its_form_no_release_is_made_of(
    template: Template, tmp_path: Path, part: str, line: str, place: str
) -> None:
    text = with_(line, to=part)
    with pytest.raises(Misconfigured):
        read(text, tmp_path)
    with pytest.raises(Refused) as refused:
        template(as_values(text))
    at = (
        place.removeprefix("$")
        .replace(".", "/")
        .replace("projections/orders", "projections/orders/settings")
    )
    assert f"at '{at if 'projections' in at else f'/settings{at}'}" in str(refused.value)


WHOLE = [
    text
    for page in [
        "README.md",
        *(str(path.relative_to(ROOT)) for path in sorted(ROOT.glob("docs/*.md"))),
    ]
    for text in blocks(page, "yaml")
    if {"offsets", "sources", "projections"} <= set(yaml.safe_load(text))
]


@pytest.mark.parametrize("text", WHOLE, ids=range(len(WHOLE)))
def test_the_settings_on_our_pages_are_values_of_the_chart(render: Render, text: str) -> None:
    settings: dict[str, Any] = yaml.safe_load(text)
    settings.pop("http", None)
    projections = settings.pop("projections")
    values = {
        "settings": settings,
        "projections": {
            f"view-{number}": {"name": name, "settings": projection}
            for number, (name, projection) in enumerate(projections.items())
        },
    }
    kinds = [manifest["kind"] for manifest in render(values)]
    assert kinds.count("Deployment") == len(projections)


def test_there_are_such_pages() -> None:
    assert len(WHOLE) >= 8
