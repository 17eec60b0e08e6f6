"""What KEDA is told of the sources, and that every way to scale goes with every other choice."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import yaml

from tests.helm.conftest import SHOP, Render, the


def triggers(manifests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = the(manifests, "ScaledObject")["spec"]["triggers"]
    return found


KEDA = {"scaling": {"type": "keda", "keda": {"authenticationRef": "broker"}}}


def test_keda_speaks_to_kafka_as_the_workers_do(render: Render) -> None:
    config = {"security.protocol": "sasl_ssl", "sasl.mechanism": "SCRAM-SHA-512"}
    sources = {"settings": {"sources": {"main": {"kafka": {"config": config}}}}}
    orders = {"projections": {"orders": KEDA}}
    secured = triggers(render(SHOP, sources, orders))[0]["metadata"]
    assert (secured["tls"], secured["sasl"]) == ("enable", "scram_sha512")
    assert secured["allowIdleConsumers"] == "false"
    plain = triggers(render(SHOP, orders))[0]["metadata"]
    assert {"tls", "sasl"}.isdisjoint(plain)


def test_keda_is_told_the_port_of_redis_and_no_password(render: Render) -> None:
    url = "redis://shop:${REDIS_PASSWORD}@redis/2"
    sources = {"settings": {"sources": {"streams": {"redis": {"url": url, "streams": 1}}}}}
    orders = {"projections": {"orders": {"settings": {"source": {"from": "streams"}}, **KEDA}}}
    (trigger,) = triggers(render(SHOP, sources, orders))
    assert trigger["metadata"]["address"] == "redis:6379"
    assert trigger["metadata"]["databaseIndex"] == "2"
    assert "REDIS_PASSWORD" not in yaml.safe_dump(trigger)


def test_numbers_of_the_settings_stay_as_they_are(render: Render) -> None:
    config = {"fetch.max.bytes": 52_428_800, "max.poll.interval.ms": 300_000}
    sources = {"settings": {"sources": {"main": {"kafka": {"config": config}}}}}
    text = the(render(SHOP, sources), "ConfigMap")["data"]["projections.yaml"]
    assert "fetch.max.bytes: 52428800\n" in text
    assert "max.poll.interval.ms: 300000\n" in text


@pytest.mark.parametrize(
    ("scaling", "replay", "budget", "policy", "account"),
    list(itertools.product(["none", "hpa", "keda"], *itertools.repeat([True, False], 4))),
)
def test_each_object_is_there_just_when_it_is_asked_for(
    render: Render, scaling: str, replay: bool, budget: bool, policy: bool, account: bool
) -> None:
    values = {
        "defaults": {
            "scaling": {"type": scaling},
            "replay": {"enabled": replay},
            "podDisruptionBudget": {"enabled": budget},
        },
        "networkPolicy": {"enabled": policy},
        "serviceAccount": {"create": account},
    }
    expected = {"ConfigMap", "Deployment", "Pod"}
    for kind, asked in {
        "HorizontalPodAutoscaler": scaling == "hpa",
        "ScaledObject": scaling == "keda",
        "CronJob": replay,
        "PodDisruptionBudget": budget,
        "NetworkPolicy": policy,
        "ServiceAccount": account,
    }.items():
        if asked:
            expected.add(kind)
    manifests = render(SHOP, values)
    assert {manifest["kind"] for manifest in manifests} == expected
    assert ("replicas" in the(manifests, "Deployment")["spec"]) == (scaling == "none")
