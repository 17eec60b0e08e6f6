"""Names, labels and images: what Kubernetes allows, and whose word counts."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.helm.conftest import CHART, SHOP, Render, the

LONGEST = "o" * 40
DIGEST = "sha256:" + "0" * 64


def of(**projection: Any) -> dict[str, Any]:
    return {"projections": {"orders": projection}}


def image(manifests: list[dict[str, Any]]) -> str:
    containers = the(manifests, "Deployment")["spec"]["template"]["spec"]["containers"]
    return str(containers[0]["image"])


@pytest.mark.parametrize("key", ["orders", LONGEST])
def test_the_longest_names_are_short_enough_for_every_kind(render: Render, key: str) -> None:
    values = {
        **SHOP,
        "fullnameOverride": "a-very-long-name-of-a-release-of-53-characters-in-all",
        "projections": {
            key: {**SHOP["projections"]["orders"], "scaling": {"type": "keda"}},
        },
    }
    for manifest in render(values):
        name = manifest["metadata"]["name"]
        assert len(name) <= (52 if manifest["kind"] == "CronJob" else 63) or name.endswith("-check")
        assert not name.startswith("-")
        for label in manifest["metadata"]["labels"].values():
            assert len(label) <= 63


def test_long_names_that_begin_alike_stay_apart(render: Render) -> None:
    def names(release: str) -> set[tuple[str, str]]:
        values = {"fullnameOverride": f"a-release-with-a-long-name-{release}"}
        keys = {"projections": {LONGEST: SHOP["projections"]["orders"] | {"name": "longest"}}}
        found = [
            (manifest["kind"], manifest["metadata"]["name"])
            for manifest in render(SHOP, keys, values)
        ]
        assert len(found) == len(set(found))
        return set(found)

    assert names("one").isdisjoint(names("two"))


def test_a_label_that_is_said_twice_stands_once_and_selectors_are_ours(render: Render) -> None:
    labels = {"team": "shop", "app.kubernetes.io/component": "stolen"}
    values = {"commonLabels": {"team": "all", "cost": "7"}, **of(labels=labels)}
    deployment = the(render(SHOP, values), "Deployment")
    pod = deployment["spec"]["template"]["metadata"]["labels"]
    for found in (deployment["metadata"]["labels"], pod):
        assert (found["team"], found["cost"]) == ("shop", "7")
        assert found["app.kubernetes.io/component"] == "orders"
    assert deployment["spec"]["selector"]["matchLabels"].items() <= pod.items()


def test_only_workers_are_counted_by_selectors(render: Render) -> None:
    manifests = render(SHOP)
    selector = the(manifests, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"]
    replay = the(manifests, "CronJob")["spec"]["jobTemplate"]["spec"]["template"]["metadata"]
    check = the(manifests, "Pod")["metadata"]
    for other in (replay, check):
        assert not selector.items() <= other["labels"].items()


def test_another_image_of_a_projection_is_not_named_by_the_digest_of_all(render: Render) -> None:
    shared = {"image": {"repository": "shop", "digest": DIGEST}}
    assert image(render(SHOP, shared)) == f"shop@{DIGEST}"
    assert image(render(SHOP, shared, of(image={"tag": "2"}))) == "shop:2"
    assert image(render(SHOP, shared, of(image={"repository": "own"}))) == "own:0.1.0"
    assert image(render(SHOP, shared, {"defaults": {"image": {"tag": "2"}}})) == "shop:2"
    defaults = {"defaults": {"image": {"digest": DIGEST}}}
    assert image(render(SHOP, defaults, of(image={"tag": "3"}))) == "projection-consumer:3"


def test_the_image_of_all_is_taken_where_nothing_else_is_said(render: Render) -> None:
    assert image(render(SHOP)) == "projection-consumer:0.1.0"


@pytest.mark.parametrize(
    "release", ["s", "s" * 20, "s" * 21, "s" * 53, "shopper", "a-release-of-s-and-more"]
)
def test_names_of_every_length_fit_are_said_whole_where_they_can_be_and_stay_apart(
    render: Render, release: str
) -> None:
    orders = SHOP["projections"]["orders"]
    keys = {"o" * length for length in range(1, 41)} | {
        f"{'o' * 18}-{'p' * 20}",
        "a" * 29 + "-" + "b" * 10,
    }
    manifests = render({**SHOP, "projections": dict.fromkeys(keys, orders)}, release=release)
    found = [(each["kind"], each["metadata"]["name"]) for each in manifests]
    assert len(found) == len(set(found))
    assert not [name for _, name in found if "--" in name]
    crons = {name for kind, name in found if kind == "CronJob"}
    deployments = {name for kind, name in found if kind == "Deployment"}
    assert max(map(len, crons)) <= 52
    assert max(map(len, deployments)) <= 61
    if len(release) <= 20:
        assert deployments == {f"{release}-{key}" for key in keys}
        assert {f"{name}-replay" for name in deployments if len(name) <= 45} <= crons


def test_a_worker_is_selected_by_what_is_its_own(render: Render) -> None:
    two = {"projections": {"other": SHOP["projections"]["orders"]}}
    manifests = [each for each in render(SHOP, two) if each["kind"] == "Deployment"]
    for one in manifests:
        selector = one["spec"]["selector"]["matchLabels"]
        chosen = [
            each["metadata"]["name"]
            for each in manifests
            if selector.items() <= each["spec"]["template"]["metadata"]["labels"].items()
        ]
        assert chosen == [one["metadata"]["name"]]


def test_metrics_are_asked_of_workers_alone(render: Render) -> None:
    both = {"monitoring": {each: {"enabled": True} for each in ("podMonitor", "serviceMonitor")}}
    manifests = render(SHOP, both)
    worker = the(manifests, "Deployment")["spec"]["template"]["metadata"]["labels"]
    replay = the(manifests, "CronJob")["spec"]["jobTemplate"]["spec"]["template"]["metadata"]
    for selector in (
        the(manifests, "PodMonitor")["spec"]["selector"]["matchLabels"],
        the(manifests, "Service")["spec"]["selector"],
    ):
        assert selector.items() <= worker.items()
        assert not selector.items() <= replay["labels"].items()
        assert not selector.items() <= the(manifests, "Pod")["metadata"]["labels"].items()


def test_a_version_of_the_chart_is_a_label_also_where_it_holds_a_plus(
    helm: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "projection-consumer"
    shutil.copytree(CHART, copy)
    file = copy / "Chart.yaml"
    file.write_text(re.sub(r"(?m)^version: .*$", "version: 1.2.3+build.4", file.read_text()))
    made = subprocess.run(
        [str(helm), "template", "shop", str(copy), "--kube-version", "1.34.0"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "helm.sh/chart: projection-consumer-1.2.3_build.4\n" in made.stdout
