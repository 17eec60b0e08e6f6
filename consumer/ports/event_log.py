"""A log read without membership."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from consumer.model.event import Event
from consumer.model.lag import Lag
from consumer.model.position import LogIdentity, Offset, Partition
from consumer.model.start import Start


class EventLog(Protocol):
    """Ordered events, partition by partition, read from anywhere. All methods may raise `Transient`."""

    def identity(self, partition: Partition) -> LogIdentity:
        """Which log the partition belongs to; a checkpoint made on another one is refused."""

    def partitions(self) -> Sequence[Partition]:
        """All partitions, in order."""

    def ends(self) -> Mapping[Partition, Offset]:
        """For each partition the offset at which nothing is left to apply; its zero while empty."""

    def lag(self, offsets: Mapping[Partition, Offset]) -> Mapping[Partition, Lag]:
        """What lies behind each of these offsets, the last applied ones, by the broker's own ends: these may
        lie beyond `ends`, as on Kafka behind a transaction that is open.

        For any number of partitions in a few round trips. A partition that cannot be told of is left
        out, as is one whose offset lies beyond the end, or is of another kind of log.
        """

    def before(self, partition: Partition, start: Start) -> Offset:
        """The offset of the last event *not* to be read by who starts there; the zero, or what stands right
        before the log's first event, for `beginning`.
        """

    def read(self, partition: Partition, after: Offset | None, limit: int) -> Sequence[Event]:
        """The events of the next records behind `after` (None: from the beginning), in order; empty at the end.

        Of up to `limit` records, and of each all events that it bundles, numbered by `parts`. Records that hold
        none are read past.

        Raises `OffsetLost` where the log no longer holds what comes after `after`, and what `Codec.decode`
        raises where the first record behind `after` cannot be decoded (those before a later one are returned).
        """

    def close(self) -> None:
        """Lets the connection go. Safe to call twice."""
