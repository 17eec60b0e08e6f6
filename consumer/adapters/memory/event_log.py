"""An event log in this process's memory: for tests and for programs that hold their own events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import uuid4

import msgspec

from consumer.model.event import Event
from consumer.model.position import IntOffset, LogIdentity, Offset, Partition


class MemoryEventLog:
    """The `EventLog` without a server: one partition, whose offsets count from 0."""

    def __init__(self, topic: str = "events") -> None:
        self._partition = Partition(topic, 0)
        self._identity = LogIdentity(uuid4().hex, 1)
        self._events: list[Event] = []

    def append(
        self, type: str, data: object = None, *, aggregate_id: str = "", version: int = 1
    ) -> Event:
        """Adds an event at the end, its data encoded as JSON, and returns it."""
        event = Event(
            id=uuid4().hex,
            type=type,
            aggregate_id=aggregate_id,
            partition=self._partition,
            offset=IntOffset(len(self._events)),
            data=None if data is None else msgspec.Raw(msgspec.json.encode(data)),
            version=version,
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

    def read(self, partition: Partition, after: Offset | None, limit: int) -> Sequence[Event]:
        """As `EventLog.read`; a partition of another log raises `KeyError`."""
        if partition != self._partition:
            raise KeyError(partition)
        start = after.value + 1 if isinstance(after, IntOffset) else 0
        return self._events[start : start + limit]

    def close(self) -> None:
        """As `EventLog.close`; the events stay."""
