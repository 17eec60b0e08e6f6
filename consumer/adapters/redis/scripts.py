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


def run_each(
    client: Client,
    script: Script,
    calls: Sequence[tuple[str, Sequence[str | int]]],
    deed: str,
) -> list[Any]:
    """What the script answers to each call, a key and what else it takes, in one round trip."""
    if not calls:
        return []
    with reachable(deed):
        answers = _piped(client, "evalsha", script.sha, calls)
        if any(isinstance(answer, NoScriptError) for answer in answers):  # as in `run`
            answers = _piped(client, "eval", script.lua, calls)
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
    return answers


def _piped(
    client: Client, command: str, script: str, calls: Sequence[tuple[str, Sequence[str | int]]]
) -> list[Any]:
    pipeline: Any = client.pipeline(transaction=False)
    for key, args in calls:
        getattr(pipeline, command)(script, 1, key, *args)
    answers: list[Any] = pipeline.execute(raise_on_error=False)
    return answers
