"""What the chart refuses, and with which words; and what it must take."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helm.conftest import SHOP, Refused, Render

SETTINGS = SHOP["projections"]["orders"]["settings"]


def of(**projection: Any) -> dict[str, Any]:
    return {"projections": {"orders": projection}}


def shared(**settings: Any) -> dict[str, Any]:
    return {"settings": settings}


SECURED = {
    "main": {"kafka": {"config": {"security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN"}}}
}

MUST_ACCEPT: dict[str, dict[str, Any]] = {
    "nothing at all beside the shop": {},
    "a password from the environment": shared(
        offsets={"redis": {"url": "redis://u:${REDIS_PASSWORD}@redis:6379/0"}}
    ),
    "a password that the environment may lack": shared(
        offsets={"redis": {"password": "${REDIS_PASSWORD:-}"}}
    ),
    "a variable that is made of another": of(
        env=[{"name": "DSN", "value": "postgresql://u:$(PASSWORD)@p/db"}]
    ),
    "a variable from a Secret": of(
        env=[
            {
                "name": "REDIS_PASSWORD",
                "valueFrom": {"secretKeyRef": {"name": "redis", "key": "password"}},
            }
        ]
    ),
    "files of secrets": shared(
        sources={"main": {"kafka": {"config_files": {"sasl.password": "/etc/projections/x"}}}}
    ),
    "keda for a broker with credentials": {
        **shared(sources=SECURED),
        **of(scaling={"type": "keda", "keda": {"authenticationRef": "kafka"}}),
    },
    "as many pods as partitions": of(partitions=4, replicas=4),
    "a name with a version": of(name="orders@2"),
    "no pods": of(replicas=0),
    "keda from 0": of(scaling={"type": "keda", "minReplicas": 0}),
    "keda without a mirror but with a trigger": of(
        settings={"source": {"mirror": False}},
        scaling={"type": "keda", "keda": {"triggers": [{"type": "cron", "metadata": {}}]}},
    ),
    "the same topic in another group": {
        "projections": {
            "other": {"settings": {**SETTINGS, "source": {**SETTINGS["source"], "group": "mine"}}}
        }
    },
    "a share of pods in the budget": of(podDisruptionBudget={"maxUnavailable": "25%"}),
    "an object as text": {"extraObjects": ["{apiVersion: v1, kind: ConfigMap}"]},
    "a subchart's globals": {"global": {"region": "eu"}},
}

MUST_REJECT: dict[str, tuple[dict[str, Any], str]] = {
    "a typo at the top": ({"projektions": {}}, "projektions"),
    "a typo in a projection": (of(replcas=2), "replcas"),
    "a typo in the defaults": ({"defaults": {"scaling": {"typ": "hpa"}}}, "typ"),
    "a typo in the settings": (shared(offset={}), "offset"),
    "a name that is no DNS label": (
        {"projections": {"Orders": SHOP["projections"]["orders"]}},
        "Orders",
    ),
    "a name that is too long": (
        {"projections": {"o" * 41: SHOP["projections"]["orders"]}},
        "o" * 41,
    ),
    "no projector": ({"projections": {"bare": {"settings": {}}}}, "projector"),
    "an unknown way to scale": (of(scaling={"type": "vpa"}), "scaling"),
    "an HPA beside KEDA": (of(scaling={"type": "keda", "hpa": {"enabled": True}}), "enabled"),
    "a text where a number belongs": (of(replicas="two"), "replicas"),
    "more pods than partitions": (of(partitions=4, replicas=5), "those beyond would idle"),
    "an autoscaler beyond the partitions": (
        of(partitions=4, scaling={"type": "keda", "maxReplicas": 5}),
        "those beyond would idle",
    ),
    "minimum above maximum": (of(scaling={"minReplicas": 5}), "above scaling.maxReplicas"),
    "an HPA from 0": (of(scaling={"type": "hpa", "minReplicas": 0}), "at least one pod"),
    "a grace period below the drain": (
        of(terminationGracePeriodSeconds=20),
        "below the drain of 25 s",
    ),
    "a drain that only the pod knows": (
        of(settings={"drain_seconds": "${DRAIN}"}),
        "drain_seconds",
    ),
    "a static member of the group": (
        shared(sources={"main": {"kafka": {"config": {"group.instance.id": "a"}}}}),
        "group.instance.id",
    ),
    "keda without a mirror": (
        of(settings={"source": {"mirror": False}}, scaling={"type": "keda"}),
        "source.mirror: false",
    ),
    "one group for two projections": (
        {
            "projections": {
                "other": {
                    "settings": {**SETTINGS, "source": {**SETTINGS["source"], "group": "orders"}}
                }
            }
        },
        "have the same group",
    ),
    "one group at one broker under two names": (
        {
            "settings": {
                "sources": {"again": {"kafka": {"bootstrap_servers": ["kafka:9092"]}}},
            },
            "projections": {
                "other": {
                    "settings": {
                        **SETTINGS,
                        "source": {"from": "again", "topics": ["orders"], "group": "orders"},
                    }
                }
            },
        },
        "have the same group",
    ),
    "one name for two projections": (
        {
            "projections": {
                "other": {
                    "name": "orders",
                    "settings": {**SETTINGS, "source": {**SETTINGS["source"], "group": "mine"}},
                }
            }
        },
        "are both called orders",
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
    "a file with a static member of the group": (
        shared(sources={"main": {"kafka": {"config_files": {"group.instance.id": "/a"}}}}),
        "group.instance.id",
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
    "a source that is not there": (of(settings={"source": {"from": "mian"}}), '"mian"'),
    "a password": (
        shared(offsets={"redis": {"password": "hunter2"}}),
        "settings.offsets.redis.password holds a secret",
    ),
    "a password in a URL": (
        shared(offsets={"redis": {"url": "redis://u:hunter2@redis:6379"}}),
        "settings.offsets.redis.url holds a secret",
    ),
    "Kafka's password": (
        shared(sources={"main": {"kafka": {"config": {"sasl.password": "hunter2"}}}}),
        "kafka.config.sasl.password holds a secret",
    ),
    "a password behind a dollar sign": (
        shared(offsets={"redis": {"password": "$hunter2"}}),
        "settings.offsets.redis.password holds a secret",
    ),
    "a password for when a variable is not set": (
        shared(offsets={"redis": {"password": "${REDIS_PASSWORD:-hunter2}"}}),
        "settings.offsets.redis.password holds a secret",
    ),
    "a password in the query of a URL": (
        shared(offsets={"redis": {"url": "redis://redis:6379/0?password=hunter2"}}),
        "settings.offsets.redis.url holds a secret",
    ),
    "a password in a variable": (
        of(env=[{"name": "REDIS_PASSWORD", "value": "hunter2"}]),
        "projections.orders.env.REDIS_PASSWORD holds a secret",
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
    "the key of a certificate": (
        shared(sources={"main": {"kafka": {"config": {"ssl.key.pem": "hunter2"}}}}),
        "ssl.key.pem holds a secret",
    ),
    "a read model's password": (
        of(settings={"read_model": {"postgresql": {"url": "postgresql://u:hunter2@p/db"}}}),
        "projections.orders.settings.read_model.postgresql.url holds a secret",
    ),
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
