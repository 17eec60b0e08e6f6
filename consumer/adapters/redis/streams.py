"""Streams as partitions: their names, how many a topic has, the order of ids, and what Redis tells of one."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import msgspec
from redis.exceptions import ResponseError

from consumer.adapters.redis.connection import Client, reachable
from consumer.adapters.redis.scripts import Script
from consumer.errors import Misconfigured
from consumer.model.position import LogIdentity, Partition, StreamOffset

ZERO = StreamOffset(0, 0)

#: The highest sequence number that an id can have within its millisecond.
_LAST_SEQUENCE = 2**64 - 1

#: A topic's birth and number of streams, as whoever came first wrote them. birth, streams -> the same
_REGISTER = Script(
    """
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('HSET', KEYS[1], 'birth', ARGV[1], 'streams', ARGV[2])
end
return redis.call('HMGET', KEYS[1], 'birth', 'streams')
"""
)


class Extent(msgspec.Struct, frozen=True):
    """What Redis tells of a stream that exists."""

    length: int
    #: The id of the entry added last, whether it is still there or not.
    last_added: StreamOffset
    #: The first and the last entry that are there; None while there are none.
    first: StreamOffset | None
    last: StreamOffset | None
    #: How many entries were ever added; None before Redis 7.0, which does not count them.
    added: int | None

    @property
    def end(self) -> StreamOffset:
        """Where nothing is left to apply."""
        return self.last or self.last_added


def stream_name(partition: Partition) -> str:
    """The key of a partition's stream."""
    return f"{partition.topic}:{partition.number}"


def register(client: Client, topic: str, streams: int) -> LogIdentity:
    """The identity of the topic's log, which is made with this number of streams if there is none.

    Raises `Misconfigured` where it was made with another number: events of one key would lie in two
    streams, and streams beyond the number would be read by nobody.
    """
    if streams < 1:
        raise Misconfigured(f"{topic} cannot have {streams} streams: it needs one at least")
    deed = f"register the streams of {topic}"
    found = run(client, _REGISTER, [_registration(topic)], [uuid4().hex, streams], deed)
    log = _identity(topic, found)
    if log.partitions != streams:
        raise Misconfigured(
            f"{topic} was made with {log.partitions} streams, and the settings say {streams}. "
            f"Set {log.partitions}, or publish to a topic of another name"
        )
    return log


def registered(client: Client, topic: str) -> LogIdentity:
    """The identity of a topic's log; `Misconfigured` where nobody made one yet."""
    with reachable(f"read how many streams {topic} has"):
        found: Any = client.hmget(_registration(topic), ["birth", "streams"])
    if found == [None, None]:
        raise Misconfigured(f"{topic} has no streams yet: publish to it, or run a worker, first")
    return _identity(topic, found)


def extent(client: Client, partition: Partition) -> Extent | None:
    """What Redis tells of the partition's stream; None where there is no such key."""
    with reachable(f"describe the stream of {partition}"):
        try:
            found: dict[str, Any] = client.xinfo_stream(stream_name(partition))
        except ResponseError as cause:
            if "no such key" in str(cause):
                return None
            raise
    return Extent(
        length=found["length"],
        last_added=offset_of(found["last-generated-id"]),
        first=_entry(found["first-entry"]),
        last=_entry(found["last-entry"]),
        added=found.get("entries-added"),
    )


def offset_of(entry_id: bytes) -> StreamOffset:
    """The offset of the entry that Redis calls by this id."""
    milliseconds, _, sequence = entry_id.partition(b"-")
    return StreamOffset(int(milliseconds), int(sequence))


def before(offset: StreamOffset) -> StreamOffset:
    """The highest id below this one; the zero is its own."""
    if offset.sequence > 0:
        return StreamOffset(offset.milliseconds, offset.sequence - 1)
    if offset.milliseconds > 0:
        return StreamOffset(offset.milliseconds - 1, _LAST_SEQUENCE)
    return offset


def run(client: Client, script: Script, keys: list[str], args: list[Any], deed: str) -> Any:
    """What the script answers, also on a server that never saw it; `reachable` says what it raises."""
    with reachable(deed):
        try:
            return client.evalsha(script.sha, len(keys), *keys, *args)
        except ResponseError as cause:
            if not str(cause).startswith(("NOSCRIPT", "No matching script")):
                raise
            return client.eval(script.lua, len(keys), *keys, *args)


def _registration(topic: str) -> str:
    return f"{topic}:streams"


def _identity(topic: str, found: list[bytes | None]) -> LogIdentity:
    birth, streams = found
    if birth is None or streams is None or not streams.isdigit():
        raise Misconfigured(
            f"the key {_registration(topic)} does not say how many streams {topic} has; "
            "it belongs to something else"
        )
    return LogIdentity(birth.decode(), int(streams))


def _entry(found: Any) -> StreamOffset | None:
    return offset_of(found[0]) if found else None
