"""The newest event of each aggregate, a row each."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from consumer import Batch, Column, Kind, Table, Transaction
from projectors.event_json import checked, json_of


class LatestState:
    """Keeps the newest event of each aggregate, its data as JSON; a tombstone deletes the row.

    For events that bear the whole state, as a compacted topic holds them. Nothing is loaded: of a batch only
    the last event of an aggregate is written, over whatever is there. All events of an aggregate must
    be in one partition, as they are where the aggregate id is the partition key.

    `handles` are the types of event that are kept; None for all, in every schema version.
    """

    #: Any read model will do.
    read_models: Collection[str] | None = None

    def __init__(
        self,
        *,
        name: str = "latest_state",
        table: str = "latest_state",
        handles: Collection[str] | None = None,
    ) -> None:
        self.name = name
        self.handles = handles
        self._table = Table(
            table,
            (
                Column("aggregate_id", Kind.TEXT),
                Column("type", Kind.TEXT),
                Column("version", Kind.INTEGER),
                Column("sequence", Kind.INTEGER, nullable=True),
                Column("time", Kind.TIMESTAMP, nullable=True),
                Column("data", Kind.JSON),
                Column("topic", Kind.TEXT),
                Column("partition", Kind.INTEGER),
                Column("at_offset", Kind.TEXT),
            ),
            key=("aggregate_id",),
        )

    @property
    def tables(self) -> Sequence[Table]:
        """The one table."""
        return (self._table,)

    def prepare(self, transaction: Transaction) -> None:
        """There is nothing to prepare."""

    def project(self, batch: Batch, transaction: Transaction) -> None:
        """As `TransactionalProjector.project`. Raises `Undecodable` for data that is no JSON."""
        rows, gone = {}, []
        for aggregate_id, event in {event.aggregate_id: checked(event) for event in batch}.items():
            data = json_of(event)
            if data is None:
                gone.append((aggregate_id,))
                continue
            rows[aggregate_id] = (
                aggregate_id,
                event.type,
                event.version,
                event.sequence,
                event.time,
                data,
                event.partition.topic,
                event.partition.number,
                str(event.offset),
            )
        transaction.write(self._table, rows.values(), gone)

    def clear(self, transaction: Transaction) -> None:
        """Deletes all rows."""
        transaction.clear(self._table)
