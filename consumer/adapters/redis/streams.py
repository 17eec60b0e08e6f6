"""The streams of a topic: what they are called, and how many there are."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from consumer.adapters.redis.connection import Client, reachable
from consumer.adapters.redis.scripts import Script, run
from consumer.errors import Misconfigured
from consumer.model.position import LogIdentity, Partition

#: A topic's birth and number of streams, as whoever came first wrote them. birth, streams -> the same
_REGISTER = Script(
    """
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('HSET', KEYS[1], 'birth', ARGV[1], 'streams', ARGV[2])
end
return redis.call('HMGET', KEYS[1], 'birth', 'streams')
"""
)


def stream_name(partition: Partition) -> str:
    """The key of a partition's stream."""
    return f"{partition.topic}:{partition.number}"


def registration(topic: str) -> str:
    """The key of what is known of a topic: a hash with its birth and its number of streams."""
    return f"{topic}:streams"


def register(client: Client, topic: str, streams: int) -> LogIdentity:
    """The identity of the topic's log, which is made with this number of streams if there is none.

    Raises `Misconfigured` where it was made with another number: events of one key would lie in two
    streams, and streams beyond the number would be read by nobody.
    """
    if streams < 1:
        raise Misconfigured(f"{topic} cannot have {streams} streams: it needs one at least")
    deed = f"register the streams of {topic}"
    found = run(client, _REGISTER, [registration(topic)], [uuid4().hex, streams], deed)
    log = _identity(topic, found)
    if log.partitions != streams:
        raise Misconfigured(
            f"{topic} was made with {log.partitions} streams, and the settings say {streams}. "
            f"Set {log.partitions}, or publish to a topic of another name"
        )
    return log


def existing(client: Client, topic: str, streams: int) -> LogIdentity:
    """As `register`, of a topic that is there: somebody published to it, or added to one of its streams.

    Raises `Misconfigured` where nobody did: a misspelt topic would be waited for in silence.
    """
    partitions = [Partition(topic, number) for number in range(streams)]
    with reachable(f"find the streams of {topic}"):
        is_there = client.exists(registration(topic)) or client.exists(
            *map(stream_name, partitions)
        )
    if not is_there:
        raise Misconfigured(
            f"{topic} has no streams yet: check the name of the topic, or publish to it first"
        )
    return register(client, topic, streams)


def registered(client: Client, topic: str) -> LogIdentity:
    """The identity of a topic's log; `Misconfigured` where nobody made one yet."""
    with reachable(f"read how many streams {topic} has"):
        found: Any = client.hmget(registration(topic), ["birth", "streams"])
    if found == [None, None]:
        raise Misconfigured(f"{topic} has no streams yet: publish to it first")
    return _identity(topic, found)


def _identity(topic: str, found: list[bytes | None]) -> LogIdentity:
    birth, streams = found
    if birth is None or streams is None or not streams.isdigit():
        raise Misconfigured(
            f"the key {registration(topic)} does not say how many streams {topic} has; "
            "it belongs to something else"
        )
    return LogIdentity(birth.decode(), int(streams))
