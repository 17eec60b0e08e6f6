"""What the chart refuses of ways to scale, and with which words; and what it must take."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helm.conftest import SHOP, Refused, Render
from tests.helm.matrix import of, shared, streams

SECURED = {
    "main": {"kafka": {"config": {"security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN"}}}
}

KEDA = {"scaling": {"type": "keda"}}
ITS = {"settings": {"source": {"from": "streams"}}}


def kafka(**more: Any) -> dict[str, Any]:
    """Values in which KEDA scales on a Kafka with these words, without credentials."""
    return {**shared(sources={"main": {"kafka": more}}), **of(**KEDA)}


def redis(**more: Any) -> dict[str, Any]:
    """The same of Redis Streams."""
    return {**streams(**more), **of(**ITS, **KEDA)}


MUST_ACCEPT: dict[str, dict[str, Any]] = {
    "keda for a broker with credentials": {
        **shared(sources=SECURED),
        **of(scaling={"type": "keda", "keda": {"authenticationRef": "kafka"}}),
    },
    "as many pods as partitions": of(partitions=4, replicas=4),
    "no pods": of(replicas=0),
    "keda from 0": of(scaling={"type": "keda", "minReplicas": 0}),
    "keda without a mirror but with a trigger": of(
        settings={"source": {"mirror": False}},
        scaling={"type": "keda", "keda": {"triggers": [{"type": "cron", "metadata": {}}]}},
    ),
    "a share of pods in the budget": of(podDisruptionBudget={"maxUnavailable": "25%"}),
    "keda for a Redis that wants none": redis(),
    "keda for a Redis that is no Cluster": redis(cluster="no"),
    "keda for a Redis with a password and an authentication": {
        **streams(password_file="/etc/projections/secrets/redis"),
        **of(**ITS, scaling={"type": "keda", "keda": {"authenticationRef": "redis"}}),
    },
    "keda for a Redis with a certificate that keda is given too": {
        **streams(url="rediss://redis/1?ssl_ca_certs=/etc/projections/secrets/ca.pem"),
        **of(**ITS, scaling={"type": "keda", "keda": {"authenticationRef": "redis"}}),
    },
    "keda with a mirror in words": of(settings={"source": {"mirror": "yes"}}, **KEDA),
    "keda for a broker with a public certificate": kafka(config={"security.protocol": "SSL"}),
    "an HPA on the limit alone": of(
        scaling={"type": "hpa"}, resources={"requests": {"cpu": None}, "limits": {"cpu": 1}}
    ),
    "an autoscaler up to the partitions": of(partitions=4, scaling={"type": "hpa"}),
    "replicas that an autoscaler passes over": of(partitions=4, replicas=5, **KEDA),
    "always as many pods": of(scaling={"type": "hpa", "minReplicas": 4}),
    "a pod that may take just the drain": of(terminationGracePeriodSeconds=25),
}

MUST_REJECT: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown way to scale": (of(scaling={"type": "vpa"}), "scaling"),
    "an HPA beside KEDA": (of(scaling={"type": "keda", "hpa": {"enabled": True}}), "enabled"),
    "more pods than partitions": (of(partitions=4, replicas=5), "those beyond would idle"),
    "an autoscaler beyond the partitions": (
        of(partitions=4, scaling={"type": "keda", "maxReplicas": 5}),
        "those beyond would idle",
    ),
    "minimum above maximum": (of(scaling={"minReplicas": 5}), "above scaling.maxReplicas"),
    "an HPA from 0": (of(scaling={"type": "hpa", "minReplicas": 0}), "at least one pod"),
    "keda without a mirror": (
        of(settings={"source": {"mirror": False}}, scaling={"type": "keda"}),
        "source.mirror: false",
    ),
    "an HPA beside triggers of KEDA": (
        of(
            scaling={
                "type": "hpa",
                "keda": {"triggers": [{"type": "cpu", "metadata": {"value": "70"}}]},
            }
        ),
        "would both set the number of pods",
    ),
    "an HPA without a request of CPU": (
        {
            "defaults": {"resources": {"requests": {"cpu": ""}}},
            **of(scaling={"type": "hpa"}),
        },
        "percent of resources.requests.cpu",
    ),
    "keda for a broker that only the pod knows": (
        {
            **shared(sources={"main": {"kafka": {"bootstrap_servers": ["${KAFKA}"]}}}),
            **of(scaling={"type": "keda"}),
        },
        "keda does not know the pod's environment",
    ),
    "keda for a broker with credentials and none for it": (
        {
            **shared(sources={"main": {"kafka": {"config": {"security.protocol": "SASL_SSL"}}}}),
            **of(scaling={"type": "keda"}),
        },
        "the broker wants credentials",
    ),
    "keda for a Redis Cluster": (
        {
            **shared(sources={"s": {"redis": {"url": "redis://r", "streams": 1, "cluster": True}}}),
            **of(settings={"source": {"from": "s"}}, scaling={"type": "keda"}),
        },
        "Redis Cluster or Sentinels",
    ),
    "a password of a trigger": (
        of(
            scaling={
                "type": "keda",
                "keda": {"triggers": [{"type": "redis", "metadata": {"password": "hunter2"}}]},
            }
        ),
        "triggers.metadata.password holds a secret",
    ),
    "keda for a Redis with Sentinels": (redis(sentinel="main"), "Redis Cluster or Sentinels"),
    "keda for a Redis Cluster in words": (redis(cluster="yes"), "Redis Cluster or Sentinels"),
    "keda for a Redis with a password": (
        redis(password_file="/etc/projections/secrets/redis"),
        "the broker wants credentials",
    ),
    "keda for a Redis with a password from the environment": (
        redis(password="${REDIS_PASSWORD}"),
        "the broker wants credentials",
    ),
    "keda for a broker with credentials, said in small letters": (
        kafka(config={"security.protocol": "sasl_ssl"}),
        "the broker wants credentials",
    ),
    "keda for a Redis with a password in its URL": (
        redis(url="redis://shop:${PASSWORD}@redis/1"),
        "the broker wants credentials",
    ),
    "keda for streams that only the pod can count": (
        redis(streams="${STREAMS}"),
        "what it is told of the source is ${STREAMS}",
    ),
    "keda for a group that only the pod knows": (
        of(settings={"source": {"group": "${GROUP}"}}, **KEDA),
        "what it is told of the source is ${GROUP}",
    ),
    "keda for a topic that only the pod knows": (
        of(settings={"source": {"topics": ["orders", "${TOPIC}"]}}, **KEDA),
        "what it is told of the source is orders,${TOPIC}",
    ),
    "keda for a broker that nobody names": (
        {"settings": {"sources": {"main": {"kafka": {"bootstrap_servers": None}}}}, **of(**KEDA)},
        "bootstrap_servers",
    ),
    "keda for sources that the environment names": (
        {"settings": {"sources": {"main": None}}, **of(**KEDA)},
        "give settings.sources.main here",
    ),
    "keda without a mirror, in words": (
        of(settings={"source": {"mirror": "off"}}, **KEDA),
        "source.mirror: false",
    ),
    "keda for a broker with a certificate of its own": (
        kafka(config={"security.protocol": "SSL", "ssl.ca.location": "/etc/ca.pem"}),
        "which keda does not see",
    ),
    "keda for a broker with a certificate in a Secret": (
        kafka(config_files={"ssl.key.pem": "/etc/projections/secrets/key"}),
        "which keda does not see",
    ),
    "keda and tickets of Kerberos": (
        {
            **shared(sources={"main": {"kafka": {"config": {"security.protocol": "SASL_SSL"}}}}),
            **of(scaling={"type": "keda", "keda": {"authenticationRef": "kafka"}}),
        },
        "triggers are made for sasl.mechanism PLAIN",
    ),
    "keda for a Redis on a socket of the pod": (
        redis(url="unix:///run/redis.sock"),
        "which keda does not reach",
    ),
    "keda for a Redis with a certificate of its own": (
        redis(url="rediss://redis/1?ssl_ca_certs=/etc/projections/secrets/ca.pem"),
        "which keda does not see",
    ),
    "a number in a trigger, where KEDA wants a text": (
        of(
            scaling={
                "type": "keda",
                "keda": {"triggers": [{"type": "cron", "metadata": {"desiredReplicas": 5}}]},
            }
        ),
        "/metadata/desiredReplicas",
    ),
    "no way to scale": (of(scaling={"type": None}), "scaling/type"),
}


@pytest.mark.parametrize("values", MUST_ACCEPT.values(), ids=MUST_ACCEPT)
def test_it_takes(render: Render, values: dict[str, Any]) -> None:
    assert render(SHOP, values)


@pytest.mark.parametrize(("values", "words"), MUST_REJECT.values(), ids=MUST_REJECT)
def test_it_refuses(render: Render, values: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused) as refused:
        render(SHOP, values)
    assert words in str(refused.value)
    assert "hunter2" not in str(refused.value)
