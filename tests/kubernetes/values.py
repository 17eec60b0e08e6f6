"""The values with which stories install the chart."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.kubernetes.outside import Outside

RELEASE = "shop"

#: A worker that is killed is missed within seconds, and rebalances begin at the next of many heartbeats.
QUICK = {"session.timeout.ms": 6000, "heartbeat.interval.ms": 300}


def values(
    outside: Outside, namespace: str, image: str, source: str, partitions: int
) -> dict[str, Any]:
    """What all projections of a story share."""
    redis = outside.valkey.url
    sources: dict[str, Any] = {
        "kafka": {"kafka": {"bootstrap_servers": [outside.kafka.bootstrap], "config": QUICK}},
        "redis": {"redis": {"url": redis, "streams": partitions, "prefix": namespace}},
    }
    repository, _, tag = image.rpartition(":")
    return {
        "image": {"repository": repository, "tag": tag},
        "settings": {
            "offsets": {"redis": {"url": redis, "prefix": namespace}},
            "sources": {"main": sources[source]},
        },
        "defaults": {
            "existingSecret": "servers",
            "partitions": partitions,
            "replicas": 2,
            "minReadySeconds": 2,
            # Two CPUs take all pods of a story.
            "resources": {"requests": {"cpu": "20m", "memory": "96Mi"}, "limits": {"memory": "256Mi"}},
        },
    }  # fmt: skip


def projection(database: str, topic: str) -> dict[str, Any]:
    """An entry of `projections`."""
    password = "/etc/projections/secrets/postgres"
    return {
        "settings": {
            "projector": "chains:chains",
            "source": {"from": "main", "topics": [topic]},
            "read_model": {"postgresql": {"url": database, "password_file": password}},
        }
    }


def merged(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The values with the changes in them, as Helm merges maps."""
    found = copy.deepcopy(dict(values))
    for name, change in changes.items():
        mine = found.get(name)
        if isinstance(change, Mapping) and isinstance(mine, Mapping):
            found[name] = merged(mine, change)
        else:
            found[name] = copy.deepcopy(change)
    return found


def settings(values: Mapping[str, Any], password: Path) -> dict[str, Any]:
    """The projections.yaml of all projections, with the password where it lies outside the cluster."""
    entries = {
        each.get("name") or name: merged(
            each["settings"], {"read_model": {"postgresql": {"password_file": str(password)}}}
        )
        for name, each in values.get("projections", {}).items()
    }
    return {**values["settings"], "projections": entries}
