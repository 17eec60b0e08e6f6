"""Names, labels and images: what Kubernetes allows, and whose word counts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helm.conftest import SHOP, Render, the

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
    assert image(render(SHOP, shared, {"defaults": {"image": {"tag": "2"}}})) == "shop:2"
    defaults = {"defaults": {"image": {"digest": DIGEST}}}
    assert image(render(SHOP, defaults, of(image={"tag": "3"}))) == "projection-consumer:3"


def test_the_image_of_all_is_taken_where_nothing_else_is_said(render: Render) -> None:
    assert image(render(SHOP)) == "projection-consumer:0.1.0"
