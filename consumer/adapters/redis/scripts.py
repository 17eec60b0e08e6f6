"""Lua that a server runs as one step."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
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


class Line:
    """Scripts on a connection that is kept: to borrow one was a quarter of a commit's time."""

    def __init__(self, client: Client) -> None:
        """It connects when it is first used."""
        self._client = client

    def run(self, script: Script, key: str, deed: str, *args: str | int) -> list[str]:
        """The words of the script's answer; otherwise as `run`."""
        with reachable(deed):  # to make the connection is to connect
            kept = self._kept
        return [text(word) for word in run(kept, script, [key], args, deed)]

    def close(self) -> None:
        """Lets the connection go, and the client."""
        if "_kept" in self.__dict__:
            self._kept.close()
        self._client.close()

    @cached_property
    def _kept(self) -> Client:
        """The client itself behind Sentinels, where a connection that is kept asks nobody for the new
        master, and in a cluster.
        """
        if isinstance(self._client, RedisCluster) or isinstance(
            self._client.connection_pool, SentinelConnectionPool
        ):
            return self._client
        kept: Client = self._client.client()  # type: ignore[no-untyped-call]  # redis-py has no types here
        return kept


def run_each(
    client: Client,
    script: Script,
    calls: Sequence[tuple[str, Sequence[str | int]]],
    deed: str,
) -> list[Any]:
    """What the script answers to each call, a key and what else it takes, in one round trip a node."""
    if not calls:
        return []
    with reachable(deed):
        pipeline: Any = client.pipeline(transaction=False)
        for key, args in calls:
            # A cluster's pipeline has no method for scripts, and its nodes know none by name yet.
            pipeline.execute_command("EVAL", script.lua, 1, key, *args)
        answers: list[Any] = pipeline.execute()
    return answers


def text(word: bytes | str) -> str:
    """A word of an answer: redis-py's types leave open which of the two it is."""
    return word if isinstance(word, str) else word.decode()
