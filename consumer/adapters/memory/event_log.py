"""An event log in this process's memory: for tests and for programs that hold their own events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any
from uuid import uuid4

import msgspec

from consumer.model.event import Event
from consumer.model.lag import NO_LAG, Lag
from consumer.model.position import IntOffset, LogIdentity, Offset, Partition
from consumer.model.start import Start

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class MemoryEventLog:
    """The `EventLog` without a server: one partition, whose offsets count from 0."""

    def __init__(self, topic: str = "events") -> None:
        self._partition = Partition(topic, 0)
        self._identity = LogIdentity(uuid4().hex, 1)
        self._events: list[Event] = []

    def append(
        self,
        type: str,
        data: object = None,
        *,
        id: str | None = None,
        aggregate_id: str = "",
        version: int = 1,
        sequence: int | None = None,
        time: datetime | None = None,
        key: bytes | None = None,
        metadata: Mapping[str, Any] = _NOTHING,
    ) -> Event:
        """Adds an event at the end, its data encoded as JSON, and returns it; by default it happens now."""
        event = Event(
            id=id or uuid4().hex,
            type=type,
            aggregate_id=aggregate_id,
            partition=self._partition,
            offset=IntOffset(len(self._events)),
            data=None if data is None else msgspec.Raw(msgspec.json.encode(data)),
            version=version,
            sequence=sequence,
            time=time or datetime.now(UTC),
            key=key,
            metadata=metadata,
        )
        self._events.append(event)
        return event

    def identity(self, partition: Partition) -> LogIdentity:
        """As `EventLog.identity`: each instance is a log of its own."""
        return self._identity

    def partitions(self) -> Sequence[Partition]:
        """As `EventLog.partitions`."""
        return [self._partition]

    def ends(self) -> Mapping[Partition, Offset]:
        """As `EventLog.ends`."""
        return {self._partition: IntOffset(len(self._events) - 1)}

    def lag(self, offsets: Mapping[Partition, Offset]) -> Mapping[Partition, Lag]:
        """As `EventLog.lag`."""
        return {
            partition: self._lag(offset)
            for partition, offset in offsets.items()
            if partition == self._partition and isinstance(offset, IntOffset)
        }

    def before(self, partition: Partition, start: Start) -> Offset:
        """As `EventLog.before`; its events have the times of their making, and no group reads it."""
        if start.at == "end":
            return self.ends()[partition]
        earlier = [e for e in self._events if start.time and e.time and e.time < start.time]
        return IntOffset(len(earlier) - 1)

    def read(self, partition: Partition, after: Offset | None, limit: int) -> Sequence[Event]:
        """As `EventLog.read`; a partition of another log raises `KeyError`."""
        if partition != self._partition:
            raise KeyError(partition)
        start = after.value + 1 if isinstance(after, IntOffset) else 0
        return self._events[start : start + limit]

    def _lag(self, offset: IntOffset) -> Lag:
        left = self._events[offset.value + 1 :]
        return Lag(len(left), left[0].time) if left else NO_LAG

    def close(self) -> None:
        """As `EventLog.close`; the events stay."""
