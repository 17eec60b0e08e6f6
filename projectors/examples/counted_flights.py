"""The flights, and beside them how many events each worker has counted: a projector around another."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence

from consumer import Batch, Column, Kind, Table, Transaction
from projectors.examples.flights import flights

_COUNTED = Table(
    "counted",
    (
        Column("worker", Kind.INTEGER),
        Column("partition", Kind.TEXT),
        Column("events", Kind.INTEGER),
    ),
    key=("worker", "partition"),
)


class CountedFlights:
    """Keeps the table `flights`, and in `counted` the events of each worker's process, by partition.

    Both are written in one transaction, so together the workers have counted each event once, whatever
    becomes of any of them.
    """

    name = "flights"
    handles = flights.handles
    #: Any read model will do.
    read_models: Collection[str] | None = None

    @property
    def tables(self) -> Sequence[Table]:
        """That of the flights, and ours."""
        return (*flights.tables, _COUNTED)

    def prepare(self, transaction: Transaction) -> None:
        """As the flights' own."""
        flights.prepare(transaction)

    def project(self, batch: Batch, transaction: Transaction) -> None:
        """Folds the batch into the flights, and adds its events to those that this process counted before."""
        flights.project(batch, transaction)
        key = (os.getpid(), str(batch.partition))
        stored = transaction.load(_COUNTED, [key])
        before = stored[key][-1] if key in stored else 0
        transaction.write(_COUNTED, [(*key, before + len(batch))])

    def clear(self, transaction: Transaction) -> None:
        """Deletes the rows of both tables."""
        flights.clear(transaction)
        transaction.clear(_COUNTED)
