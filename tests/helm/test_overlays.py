"""Sets of values over one another, releases and upgrades: what changes, and what never does."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from consumer.settings.loading import load
from tests.helm.conftest import SHOP, Render, the
from tests.helm.matrix import MATRIX, POD, many, of, shared

ORDERS = SHOP["projections"]["orders"]

#: Texts that a careless writer of YAML would make something else of.
STRANGE = ["no", "1e3", "017", "1:30", "2026-01-01", "~", "{a: b}", "a: b", "# a", "- a", "'", '"', "%", "{{ x }}", "a\nb", " a", "é", "0x1f", "1_000", "*a", "&a", "!a", "|"]  # fmt: skip


def named(manifests: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each for each in manifests if each["kind"] == kind}


@pytest.mark.parametrize("release", ["123", "1e3", "0x1f", "on", "null"])
def test_a_release_may_be_called_like_a_number_or_a_word_of_yaml(
    render: Render, release: str
) -> None:
    values = MATRIX["everything that watches"]
    manifests = render(*values, {"networkPolicy": {"enabled": True}}, release=release)
    for manifest in manifests:
        assert isinstance(manifest["metadata"]["name"], str)
        assert manifest["metadata"]["labels"]["app.kubernetes.io/instance"] == release
    pod = the(manifests, "Deployment")["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == release
    policy = the(manifests, "NetworkPolicy")["spec"]["podSelector"]["matchExpressions"]
    assert policy[0]["values"] == [release]
    for monitor in ("PodMonitor", "ServiceMonitor"):
        selector = the(manifests, monitor)["spec"]["selector"]["matchLabels"]
        assert selector["app.kubernetes.io/instance"] == release


def test_names_of_the_cluster_may_be_numbers(render: Render) -> None:
    values = of(existingSecret="456", priorityClassName="789")
    account = {"serviceAccount": {"create": False, "name": "77"}}
    pod = the(render(SHOP, values, account), "Deployment")["spec"]["template"]["spec"]
    assert (pod["serviceAccountName"], pod["priorityClassName"]) == ("77", "789")
    secrets = [volume["secret"] for volume in pod["volumes"] if "secret" in volume]
    assert secrets == [{"secretName": "456", "defaultMode": 0o440}]


@pytest.mark.parametrize("values", MATRIX.values(), ids=MATRIX)
def test_no_two_objects_have_one_name(render: Render, values: tuple[dict[str, Any], ...]) -> None:
    found = [(each["kind"], each["metadata"]["name"]) for each in render(*values)]
    assert len(found) == len(set(found))


@pytest.mark.parametrize("key", ["dashboard", "metrics", "replay", "check", "orders-replay"])
def test_a_projection_may_be_called_like_a_part_of_the_chart(render: Render, key: str) -> None:
    both = {"projections": {key: ORDERS | {"name": "other"}}}
    found = [
        (each["kind"], each["metadata"]["name"])
        for each in render(*MATRIX["everything that watches"], both)
    ]
    assert len(found) == len(set(found))


def test_null_takes_a_projection_a_source_and_a_default_away(render: Render) -> None:
    without = {
        "defaults": {"nodeSelector": {"pool": "workers"}, "tolerations": [{"key": "pool"}]},
        "settings": {"sources": {"old": {"kafka": {"bootstrap_servers": ["old"]}}}},
        "projections": {"other": ORDERS},
    }
    taken = {
        "settings": {"sources": {"old": None}},
        "projections": {
            "other": None,
            "orders": {
                "resources": {"limits": {"memory": None}},
                "nodeSelector": {"pool": None},
                "tolerations": [],
            },
        },
    }
    assert len(named(render(SHOP, without), "Deployment")) == 2
    manifests = render(SHOP, without, taken)
    pod = the(manifests, "Deployment")["spec"]["template"]["spec"]
    assert "memory" not in pod["containers"][0]["resources"]["limits"]
    assert not {"nodeSelector", "tolerations"} & {key for key, value in pod.items() if value}
    settings = yaml.safe_load(the(manifests, "ConfigMap")["data"]["projections.yaml"])
    assert set(settings["sources"]) == {"main"}


def test_a_projection_of_which_the_defaults_say_all_is_there(render: Render) -> None:
    values = {**SHOP, "defaults": {"settings": ORDERS["settings"]}, "projections": {"orders": {}}}
    assert the(render(values), "Deployment")["metadata"]["name"] == "shop-orders"


def test_no_null_reaches_kubernetes_or_the_worker(render: Render) -> None:
    nothing = dict.fromkeys(("nodeSelector", "affinity", "labels", "podAnnotations", "env"))
    values = of(**nothing, resources={"requests": {"cpu": None}, "limits": None})
    null = {"settings": {"offsets": {"postgresql": None}}}
    assert "null" not in yaml.safe_dump_all(render(SHOP, values, null))


def test_defaults_and_projection_make_one_entry_of_the_settings(render: Render) -> None:
    defaults = {
        "settings": {
            "projector": "shop:all",
            "source": {"from": "main", "mirror": True},
            "batch_size": 7,
        }
    }
    own = {
        "settings": {"source": {"topics": ["orders"]}, "batch_size": 8},
    }
    values = {**SHOP, "defaults": defaults, "projections": {"orders": own}}
    settings = yaml.safe_load(the(render(values), "ConfigMap")["data"]["projections.yaml"])
    assert settings["projections"]["orders"] == {
        "projector": "shop:all",
        "source": {"from": "main", "mirror": True, "topics": ["orders"]},
        "batch_size": 8,
    }


@pytest.mark.parametrize("text", STRANGE)
def test_a_text_stays_the_text_that_it_is(render: Render, tmp_path: Path, text: str) -> None:
    values = {**shared(offsets={"redis": {"username": text}}), **of(podAnnotations={"a": text})}
    manifests = render(SHOP, values)
    (tmp_path / "projections.yaml").write_text(
        the(manifests, "ConfigMap")["data"]["projections.yaml"]
    )
    offsets = load(tmp_path / "projections.yaml").offsets.redis
    assert offsets is not None
    assert offsets.username == text
    annotations = the(manifests, "Deployment")["spec"]["template"]["metadata"]["annotations"]
    assert annotations["a"] == text


def test_large_numbers_are_written_out(render: Render) -> None:
    scaling = {
        "type": "keda",
        "keda": {"lagThreshold": 2_000_000, "cooldownPeriod": 3_000_000},
    }
    spec = the(render(SHOP, of(scaling=scaling, minReadySeconds=4_000_000)), "ScaledObject")["spec"]
    assert spec["cooldownPeriod"] == 3_000_000
    assert isinstance(spec["cooldownPeriod"], int)
    assert spec["triggers"][0]["metadata"]["lagThreshold"] == "2000000"


def test_an_upgrade_changes_no_selector_and_restarts_nobody_for_what_is_not_of_the_pod(
    render: Render,
) -> None:
    before = the(render(SHOP), "Deployment")["spec"]
    watched = MATRIX["everything that watches"][1]
    later = {
        "networkPolicy": {"enabled": True},
        **watched,
        "projections": {"orders": {"replicas": 3, "podDisruptionBudget": {"enabled": False}}},
    }
    after = the(render(SHOP, later), "Deployment")["spec"]
    assert after["template"] == before["template"]
    everything = copy.deepcopy(POD) | {"name": "orders@2", "image": {"tag": "2"}}
    changed = the(render(SHOP, of(**everything), {"commonLabels": {"a": "b"}}), "Deployment")[
        "spec"
    ]
    assert changed["selector"] == before["selector"]
    assert changed["template"] != before["template"]


def test_a_setting_of_all_and_of_one_restart_who_has_it(render: Render) -> None:
    def checksums(*values: dict[str, Any]) -> dict[str, str]:
        found = named(render({**SHOP, **many(2)}, *values), "Deployment")
        return {
            name: each["spec"]["template"]["metadata"]["annotations"]["checksum/settings"]
            for name, each in found.items()
        }

    before = checksums()
    of_all = checksums(shared(offsets={"redis": {"prefix": "other"}}))
    of_one = checksums({"projections": {"view-1": {"settings": {"batch_size": 3}}}})
    assert {name for name in before if before[name] != of_all[name]} == set(before)
    assert {name for name in before if before[name] != of_one[name]} == {"shop-view-1"}


def test_the_settings_of_a_projection_do_not_grow_with_their_number(render: Render) -> None:
    maps = named(render({**SHOP, **many(50)}), "ConfigMap")
    assert len(maps) == 50
    assert max(len(yaml.safe_dump(each)) for each in maps.values()) < 2_000


def test_an_annotation_of_the_values_takes_no_place_of_ours(render: Render) -> None:
    theirs = {"checksum/settings": "x", "helm.sh/hook": "pre-install", "vault": "yes"}
    manifests = render(SHOP, of(podAnnotations=theirs))
    worker = the(manifests, "Deployment")["spec"]["template"]["metadata"]["annotations"]
    check = the(manifests, "Pod")["metadata"]["annotations"]
    replay = the(manifests, "CronJob")["spec"]["jobTemplate"]["spec"]["template"]["metadata"]
    assert len(worker["checksum/settings"]) == 64
    assert check["helm.sh/hook"] == "test"
    for its in (worker, check, replay["annotations"]):
        assert its["vault"] == "yes"
