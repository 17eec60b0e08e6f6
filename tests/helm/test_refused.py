"""What the chart refuses, and with which words; and what it must take."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helm.conftest import SHOP, Refused, Render
from tests.helm.matrix import of, shared

SETTINGS = SHOP["projections"]["orders"]["settings"]


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
    "a name with a version": of(name="orders@2"),
    "the same topic in another group": {
        "projections": {
            "other": {"settings": {**SETTINGS, "source": {**SETTINGS["source"], "group": "mine"}}}
        }
    },
    "an object as text": {"extraObjects": ["{apiVersion: v1, kind: ConfigMap}"]},
    "a subchart's globals": {"global": {"region": "eu"}},
    "a part of a projection in the defaults": {
        "defaults": {"settings": {"projector": "shop:orders", "source": {"from": "main"}}},
        "projections": {"other": {"settings": {"source": {"topics": ["orders"]}}}},
    },
    "a projection that another file takes away": {"projections": {"orders": None}},
    "another read model": of(
        settings={"read_model": {"sqlite": None, "redis": {"url": "redis://redis"}}}
    ),
    "another address to listen on": shared(http={"host": "::"}),
    "a drain as text": of(settings={"drain_seconds": "40"}),
    "another setting by a variable": of(
        env=[{"name": "PROJECTIONS_OFFSETS__REDIS__PREFIX", "value": "a"}]
    ),
    "a label of all alerts that a projection takes away": {
        "defaults": {"alerts": {"labels": {"team": "shop"}}},
        **of(alerts={"labels": {"team": None}}),
    },
    "Prometheus' own interval": {"monitoring": {"podMonitor": {"enabled": True, "interval": ""}}},
    "a token's name": of(env=[{"name": "TOKEN_FILE", "value": "/etc/projections/secrets/x"}]),
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
    "a text where a number belongs": (of(replicas="two"), "replicas"),
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
    "a file with a static member of the group": (
        shared(sources={"main": {"kafka": {"config_files": {"group.instance.id": "/a"}}}}),
        "group.instance.id",
    ),
    "a source that is not there": (of(settings={"source": {"from": "mian"}}), '"mian"'),
    "a typo in the offsets": (shared(offsets={"rediss": {}}), "rediss"),
    "a typo in a source": (
        shared(sources={"main": {"kafka": {"bootstrap_server": ["kafka"]}}}),
        "bootstrap_server",
    ),
    "a typo in a projection's settings": (of(settings={"bach_size": 7}), "bach_size"),
    "a typo in the settings of all": ({"defaults": {"settings": {"sauce": {}}}}, "sauce"),
    "no source": (
        {"projections": {"bare": {"settings": {"projector": "shop:bare"}}}},
        "projections.bare.settings.source.from is missing",
    ),
    "no topics": (
        {
            "projections": {
                "bare": {"settings": {"projector": "shop:bare", "source": {"from": "main"}}}
            }
        },
        "projections.bare.settings.source.topics is missing",
    ),
    "two read models": (
        of(settings={"read_model": {"redis": {"url": "redis://redis"}}}),
        "projections.orders.settings.read_model is redis and sqlite at once",
    ),
    "two stores of offsets": (
        shared(offsets={"sqlite": {"path": "/tmp/offsets"}}),
        "settings.offsets is redis and sqlite at once",
    ),
    "two kinds of a source": (
        shared(sources={"main": {"redis": {"url": "redis://redis", "streams": 1}}}),
        "settings.sources.main is kafka and redis at once",
    ),
    "a port that only the pod itself reaches": (
        shared(http={"host": "127.0.0.1"}),
        "settings.http.host is 127.0.0.1",
    ),
    "a port of this machine alone": (
        shared(http={"host": "localhost"}),
        "settings.http.host is localhost",
    ),
    "a port of this machine alone, in numbers of six": (
        shared(http={"host": "::1"}),
        "settings.http.host is ::1",
    ),
    "one group at one broker whose nodes stand in another order": (
        {
            "settings": {
                "sources": {
                    "main": {"kafka": {"bootstrap_servers": ["one:9092", "two:9092"]}},
                    "again": {"kafka": {"bootstrap_servers": ["two:9092", "one:9092"]}},
                },
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
    "another place of the settings": (
        of(env=[{"name": "PROJECTIONS_CONFIG", "value": "/x"}]),
        "projections.orders.env.PROJECTIONS_CONFIG is for the chart",
    ),
    "another port by a variable": (
        of(env=[{"name": "PROJECTIONS_HTTP__PORT", "value": "80"}]),
        "projections.orders.env.PROJECTIONS_HTTP__PORT is for the chart",
    ),
    "another port by a variable in small letters": (
        of(env=[{"name": "projections_http__port", "value": "80"}]),
        "projections.orders.env.projections_http__port is for the chart",
    ),
    "another port by a variable with all of it": (
        of(env=[{"name": "PROJECTIONS_HTTP", "value": '{"port": 80}'}]),
        "projections.orders.env.PROJECTIONS_HTTP is for the chart",
    ),
    "a drain by a variable": (
        of(env=[{"name": "PROJECTIONS_PROJECTIONS__ORDERS__DRAIN_SECONDS", "value": "120"}]),
        "is not computed of",
    ),
    "an interval that is no time": (
        {"monitoring": {"podMonitor": {"interval": "30"}}},
        "/monitoring/podMonitor/interval",
    ),
    "a variable that is a number": (of(env=[{"name": "A", "value": 5}]), "/env/0/value"),
    "a variable with a typo": (of(env=[{"name": "A", "valeu": "5"}]), "valeu"),
    "defaults without a part": ({"defaults": {"scaling": {"keda": None}}}, "keda"),
    "a volume that is called like one of ours": (
        of(volumes=[{"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}}]),
        "/volumes/0/name",
    ),
    "no image": ({"image": {"repository": None}}, "repository"),
    "a part that an older chart did not have": ({"monitoring": {"dashboard": None}}, "dashboard"),
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
