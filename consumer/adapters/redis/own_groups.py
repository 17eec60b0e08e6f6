"""Which consumer groups of a topic's streams projections made, and keep where their checkpoints are.

Only the numbers of these are believed: whoever makes a group may tell Redis that it read any number.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from consumer.adapters.redis.connection import Client, reachable
from consumer.adapters.redis.scripts import Script, run, text
from consumer.adapters.redis.streams import registration

#: Before each name among the fields of a topic's registration.
_PREFIX = "group:"

#: A topic that nobody registered stays so. field -> whether it was marked
_MARK = Script(
    """
return redis.call('EXISTS', KEYS[1]) == 1 and redis.call('HSET', KEYS[1], ARGV[1], '1')
"""
)


def mark(client: Client, topics: Collection[str], group: str) -> None:
    """Remembers the group as a projection's. May raise `Transient`, and `Misconfigured` for an ACL."""
    for topic in topics:
        keys = [registration(topic)]
        run(client, _MARK, keys, [_PREFIX + group], f"remember the group {group} of {topic}")


def marked(client: Client, topics: Collection[str]) -> dict[str, list[str]]:
    """By topic the names of the groups that were marked. May raise `Transient`."""
    return {topic: _marked(client, topic) for topic in topics}


def _marked(client: Client, topic: str) -> list[str]:
    with reachable(f"read which groups of {topic} are of projections"):
        fields: Any = client.hgetall(registration(topic))
    names = [text(field) for field in fields]
    return [name.removeprefix(_PREFIX) for name in names if name.startswith(_PREFIX)]
