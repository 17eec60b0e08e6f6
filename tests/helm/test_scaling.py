"""What KEDA is told of the sources, and that every way to scale goes with every other choice."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import yaml

from tests.helm.conftest import SHOP, Render, the
from tests.helm.matrix import of, shared, streams


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


def test_of_several_topics_none_limits_the_pods_to_its_own_partitions(render: Render) -> None:
    def idle(*topics: str) -> list[str]:
        orders = of(settings={"source": {"topics": [*topics]}}, scaling={"type": "keda"})
        return [each["metadata"]["allowIdleConsumers"] for each in triggers(render(SHOP, orders))]

    assert idle("orders") == ["false"]
    assert idle("orders", "returns") == ["true", "true"]


def test_keda_is_told_the_port_of_redis_and_no_password(render: Render) -> None:
    url = "redis://shop:${REDIS_PASSWORD}@redis/2"
    sources = {"settings": {"sources": {"streams": {"redis": {"url": url, "streams": 1}}}}}
    orders = {"projections": {"orders": {"settings": {"source": {"from": "streams"}}, **KEDA}}}
    (trigger,) = triggers(render(SHOP, sources, orders))
    assert trigger["metadata"]["address"] == "redis:6379"
    assert trigger["metadata"]["databaseIndex"] == "2"
    assert "REDIS_PASSWORD" not in yaml.safe_dump(trigger)


@pytest.mark.parametrize(
    ("said", "database"),
    [
        ("redis://redis:6379", "0"),
        ("redis://redis/", "0"),
        ("redis://redis/3", "3"),
        ("redis://redis?db=4", "4"),
        ("redis://redis/3?health_check_interval=9&db=12", "12"),
        ("redis://redis/3?maxdb=4", "3"),
    ],
)
def test_keda_looks_into_the_database_that_the_workers_read(
    render: Render, said: str, database: str
) -> None:
    orders = of(settings={"source": {"from": "streams"}}, scaling={"type": "keda"})
    (trigger, _) = triggers(render(SHOP, streams(url=said), orders))
    assert trigger["metadata"]["databaseIndex"] == database
    assert trigger["metadata"]["enableTLS"] == "false"


@pytest.mark.parametrize("key", ["sasl.mechanism", "sasl.mechanisms"])
@pytest.mark.parametrize(
    ("mechanism", "sasl"),
    [("PLAIN", "plaintext"), ("SCRAM-SHA-256", "scram_sha256"), ("SCRAM-SHA-512", "scram_sha512")],
)
def test_keda_has_the_mechanism_of_the_workers(
    render: Render, key: str, mechanism: str, sasl: str
) -> None:
    config = {"security.protocol": "SASL_PLAINTEXT", key: mechanism}
    sources = shared(sources={"main": {"kafka": {"config": config}}})
    metadata = triggers(render(SHOP, sources, {"projections": {"orders": KEDA}}))[0]["metadata"]
    assert metadata["sasl"] == sasl
    assert "tls" not in metadata


def test_keda_asks_every_broker_that_the_workers_ask(render: Render) -> None:
    sources = shared(sources={"main": {"kafka": {"bootstrap_servers": ["one:9092", "two:9092"]}}})
    metadata = triggers(render(SHOP, sources, of(scaling={"type": "keda"})))[0]["metadata"]
    assert metadata["bootstrapServers"] == "one:9092,two:9092"


def test_triggers_of_ones_own_stay_as_they_are(render: Render) -> None:
    own = {"type": "prometheus", "metadata": {"query": "sum(lag)"}}
    keda = {"triggers": [own], "authenticationRef": "kafka"}
    assert triggers(render(SHOP, of(scaling={"type": "keda", "keda": keda}))) == [own]


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


def test_the_streams_of_a_topic_share_the_lag_that_is_worth_a_pod(render: Render) -> None:
    keda = {"type": "keda", "keda": {"lagThreshold": 1000, "activationLagThreshold": 10}}
    orders = of(settings={"source": {"from": "streams"}}, scaling=keda)
    told = [each["metadata"] for each in triggers(render(SHOP, streams(streams=4), orders))]
    assert [(each["lagCount"], each["activationLagCount"]) for each in told] == [("250", "2")] * 4
