"""Lua that a server runs as one step."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha1
from typing import Any

from redis.exceptions import NoScriptError

from consumer.adapters.redis.connection import Client, reachable


class Script:
    """A script, and the name under which a server may know it already."""

    def __init__(self, lua: str) -> None:
        self.lua = lua
        self.sha = sha1(lua.encode(), usedforsecurity=False).hexdigest()


def run(
    client: Client, script: Script, keys: Sequence[str], args: Sequence[str | int], deed: str
) -> Any:
    """What the script answers, also on a server that never saw it; `reachable` says what it raises."""
    with reachable(deed):
        try:
            return client.evalsha(script.sha, len(keys), *keys, *args)
        except NoScriptError:  # a server that started anew, or a node that never saw it
            return client.eval(script.lua, len(keys), *keys, *args)
