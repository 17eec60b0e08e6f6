"""Every server of Redis's protocol that a suite runs on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from consumer.adapters.redis.connection import Client, connect

SERVERS = ["valkey", "redis_62", "redis_70", "valkey_cluster", "valkey_sentinel"]


def clients_of(request: pytest.FixtureRequest) -> Callable[[], Client]:
    """Makes clients of the server that the fixture's parameter names."""
    server: Any = request.getfixturevalue(request.param)
    match request.param:
        case "valkey_cluster":
            return lambda: connect(server.url, cluster=True)
        case "valkey_sentinel":
            hosts = ",".join(f"{host}:{port}" for host, port in server.addresses)
            return lambda: connect(f"redis://{hosts}/0", sentinel=server.service)
        case _:
            return lambda: connect(server.url)
