"""Every event, a row each."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from consumer import (
    Batch,
    Column,
    Event,
    IntOffset,
    Kind,
    Offset,
    Row,
    StreamOffset,
    Table,
    Transaction,
)
from projectors.event_json import checked, json_of


class EventArchive:
    """Keeps every event as a row, its data and metadata as JSON, and never changes one: the store's fastest way in.

    The primary key is the event's place: topic, partition, its offset in two numbers that sort (a stream's
    milliseconds and sequence; a Kafka offset and 0), and its `part` where the record bundles several events.
    `at_offset` is the same offset as it is written.

    `handles` are the types of event that are kept; None for all, in every schema version.
    """

    #: Any read model will do.
    read_models: Collection[str] | None = None

    def __init__(
        self,
        *,
        name: str = "event_archive",
        table: str = "event_archive",
        handles: Collection[str] | None = None,
    ) -> None:
        self.name = name
        self.handles = handles
        self._table = Table(
            table,
            (
                Column("topic", Kind.TEXT),
                Column("partition", Kind.INTEGER),
                Column("offset_high", Kind.INTEGER),
                Column("offset_low", Kind.INTEGER),
                Column("part", Kind.INTEGER),
                Column("at_offset", Kind.TEXT),
                Column("id", Kind.TEXT),
                Column("type", Kind.TEXT),
                Column("version", Kind.INTEGER),
                Column("aggregate_id", Kind.TEXT),
                Column("sequence", Kind.INTEGER, nullable=True),
                Column("time", Kind.TIMESTAMP, nullable=True),
                Column("key", Kind.BYTES, nullable=True),
                Column("data", Kind.JSON, nullable=True),
                Column("metadata", Kind.JSON),
            ),
            key=("topic", "partition", "offset_high", "offset_low", "part"),
        )

    @property
    def tables(self) -> Sequence[Table]:
        """The one table."""
        return (self._table,)

    def prepare(self, transaction: Transaction) -> None:
        """There is nothing to prepare."""

    def project(self, batch: Batch, transaction: Transaction) -> None:
        """As `TransactionalProjector.project`. Raises `Undecodable` for data that is no JSON."""
        transaction.append(self._table, [_row(checked(event)) for event in batch])

    def clear(self, transaction: Transaction) -> None:
        """Deletes all rows."""
        transaction.clear(self._table)


def _row(event: Event) -> Row:
    high, low = _numbers(event.offset)
    metadata = event.metadata
    return (
        event.partition.topic,
        event.partition.number,
        high,
        low,
        event.part,
        str(event.offset),
        event.id,
        event.type,
        event.version,
        event.aggregate_id,
        event.sequence,
        event.time,
        event.key,
        json_of(event),
        # What a codec puts there need not be JSON; what is not is kept as text.
        msgspec.json.encode(dict(metadata), enc_hook=str).decode() if metadata else "{}",
    )


def _numbers(offset: Offset) -> tuple[int, int]:
    if isinstance(offset, StreamOffset):
        return offset.milliseconds, offset.sequence
    if isinstance(offset, IntOffset):
        return offset.value, 0
    raise TypeError("an Offset is either an IntOffset or a StreamOffset")
