"""Lua that a server runs as one step."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha1
from typing import Any

from redis import RedisCluster
from redis.exceptions import NoScriptError
from redis.sentinel import SentinelConnectionPool

from consumer.adapters.redis.connection import Client, reachable


class Script:
    """A script, and the name under which a server may know it already."""

    def __init__(self, lua: str) -> None:
        self.lua = lua
        self.sha = sha1(lua.encode(), usedforsecurity=False).hexdigest()


def kept_line(client: Client) -> Client:
    """The client on a connection that it keeps, to which it connects; whoever asked closes it.

    The client itself where it is behind Sentinels, where a connection that is kept asks nobody for
    the new master, and where it is a cluster's.
    """
    if isinstance(client, RedisCluster) or isinstance(
        client.connection_pool, SentinelConnectionPool
    ):
        return client
    line: Client = client.client()  # type: ignore[no-untyped-call]  # redis-py has no types here
    return line


def run(
    client: Client,
    script: Script,
    keys: Sequence[str],
    args: Sequence[str | int | bytes],
    deed: str,
) -> Any:
    """What the script answers, also on a server that never saw it; `reachable` says what it raises."""
    with reachable(deed):
        try:
            return client.evalsha(script.sha, len(keys), *keys, *args)
        except NoScriptError:  # a server that started anew, or a node that never saw it
            return client.eval(script.lua, len(keys), *keys, *args)
