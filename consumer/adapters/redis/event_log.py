"""The `EventLog` on Redis Streams: read from anywhere, without leases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from consumer.adapters.redis.connection import Client, reachable
from consumer.adapters.redis.continuity import follows, loss, what_is_missing
from consumer.adapters.redis.entries import Entry, from_mappings, records
from consumer.adapters.redis.extents import extent, extents
from consumer.adapters.redis.ids import ZERO, offset_of
from consumer.adapters.redis.lags import lags
from consumer.adapters.redis.starts import first_offset
from consumer.adapters.redis.streams import registered, stream_name
from consumer.errors import OffsetLost, Transient, Undecodable
from consumer.model.event import Event, parts
from consumer.model.lag import Lag
from consumer.model.position import LogIdentity, Offset, Partition, StreamOffset
from consumer.model.start import Start
from consumer.ports.codec import Codec


class RedisStreamLog:
    """The streams of some topics; each topic must have been published to, or read by a worker."""

    def __init__(self, client: Client, *, topics: Sequence[str], codec: Codec) -> None:
        self._client = client
        self._topics = topics
        self._codec = codec

    def identity(self, partition: Partition) -> LogIdentity:
        """As `EventLog.identity`: the topic's birth, the same that the source tells."""
        return registered(self._client, partition.topic)

    def partitions(self) -> Sequence[Partition]:
        """As `EventLog.partitions`."""
        return [
            Partition(topic, number)
            for topic in self._topics
            for number in range(registered(self._client, topic).partitions)
        ]

    def ends(self) -> Mapping[Partition, Offset]:
        """As `EventLog.ends`: the last entry, or the last one that there ever was."""
        found = extents(self._client, dict.fromkeys(self.partitions(), ZERO))
        return {partition: extent.end if extent else ZERO for partition, extent in found.items()}

    def lag(self, offsets: Mapping[Partition, Offset]) -> Mapping[Partition, Lag]:
        """As `EventLog.lag`: how many entries are there behind each; `lags` says where it is a lower bound."""
        ours = {p: offset for p, offset in offsets.items() if isinstance(offset, StreamOffset)}
        return lags(self._client, ours)

    def before(self, partition: Partition, start: Start) -> Offset:
        """As `EventLog.before`; `Misconfigured` where the stream has no such group."""
        return first_offset(self._client, partition, start)

    def read(self, partition: Partition, after: Offset | None, limit: int) -> Sequence[Event]:
        """As `EventLog.read`."""
        events: list[Event] = []
        while not events and (entries := self._entries(partition, after, limit)):
            for record in records(partition, entries):
                try:
                    events += parts(self._codec.decode(record))
                except (Undecodable, Transient):
                    if events:
                        return events
                    raise
                after = record.offset
        return events

    def close(self) -> None:
        """As `EventLog.close`; closes the client too."""
        self._client.close()

    def _entries(self, partition: Partition, after: Offset | None, limit: int) -> Sequence[Entry]:
        if after is None:
            return self._range(partition, "-", limit)
        if not isinstance(after, StreamOffset):
            raise OffsetLost(
                f"{partition} is a Redis stream, and {after} is no id of an entry: the checkpoint "
                "was made on another kind of log"
            )
        entries = self._range(partition, str(after), limit + 1)
        first = offset_of(entries[0][0]) if entries else None
        if first is None or not follows(after, first):
            # From 0-0 on, all entries are there if none was ever removed.
            counted = 0 if after == ZERO else None
            found = extent(self._client, partition)
            if missing := what_is_missing(after, counted, found):
                raise OffsetLost(loss(partition, after, missing))
        return entries[1:] if first == after else entries[:limit]

    def _range(self, partition: Partition, start: str, limit: int) -> Sequence[Entry]:
        with reachable(f"read {partition}"):
            found: Any = self._client.xrange(stream_name(partition), min=start, count=limit)
        return from_mappings(found)
