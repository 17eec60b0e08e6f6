"""A read model that shows whatever is lost, repeated or reordered, and can be held at the dangerous places."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from consumer import Batch, Column, Event, Key, Kind, Record, Row, Table, Transaction
from consumer.adapters.codecs.cloudevents import CloudEvents
from tests.ledger import hold

#: Each event of a subject is a link behind the one before.
CHAIN = Table(
    "chain",
    (Column("subject", Kind.TEXT), Column("links", Kind.INTEGER), Column("hash", Kind.TEXT)),
    key=("subject",),
)
#: Sums to which events of all partitions add, so that writers that overwrite each other are found out.
TOTALS = Table(
    "totals",
    (Column("bucket", Kind.INTEGER), Column("events", Kind.INTEGER), Column("sum", Kind.INTEGER)),
    key=("bucket",),
)
#: How far the rows have come, as they tell it themselves.
PROGRESS = Table(
    "progress",
    (
        Column("topic", Kind.TEXT),
        Column("number", Kind.INTEGER),
        Column("events", Kind.INTEGER),
        Column("last", Kind.TEXT),
    ),
    key=("topic", "number"),
)
TABLES = (CHAIN, TOTALS, PROGRESS)
BUCKETS = 5

#: While a file of this name lies in the folder, whoever comes to the place waits there.
BEFORE_TRANSACTION = "hold-before-transaction"
AFTER_LOAD = "hold-after-load"
AFTER_WRITE = "hold-after-write"

Rows = dict[str, set[Row]]


def link(before: str, topic: str, number: int, offset: object, event_id: str) -> str:
    """The hash of a chain that has one more event."""
    return hashlib.sha256(f"{before} {topic} {number} {offset} {event_id}".encode()).hexdigest()


def bucket(event_id: str) -> int:
    """To which of the totals an event adds."""
    return int(event_id) % BUCKETS


class Chain:
    """A `TransactionalProjector` of three tables."""

    name = "chain"
    handles = None
    read_models = None
    tables = TABLES

    def __init__(self) -> None:
        self._folder = Path(os.environ["LEDGER_FOLDER"])
        self._seconds = float(os.environ.get("LEDGER_SECONDS", "0"))

    def prepare(self, transaction: Transaction) -> None:
        pass

    def project(self, batch: Batch, transaction: Transaction) -> None:
        place = (batch.partition.topic, batch.partition.number)
        subjects = {(event.aggregate_id,) for event in batch}
        buckets = {(bucket(event.id),) for event in batch}
        chain = dict(transaction.load(CHAIN, sorted(subjects)))
        totals = dict(transaction.load(TOTALS, sorted(buckets)))
        progress = transaction.load(PROGRESS, [place]).get(place, (*place, 0, ""))
        hold(self._folder, AFTER_LOAD)
        time.sleep(self._seconds)
        for event in batch:
            _fold(event, chain, totals)
        transaction.write(CHAIN, chain.values())
        transaction.write(TOTALS, totals.values())
        last = str(batch.events[-1].offset)
        transaction.write(PROGRESS, [(*place, progress[2] + len(batch), last)])
        hold(self._folder, AFTER_WRITE)

    def clear(self, transaction: Transaction) -> None:
        for table in TABLES:
            transaction.clear(table)


def _fold(event: Event, chain: dict[Key, Row], totals: dict[Key, Row]) -> None:
    subject, at = event.aggregate_id, bucket(event.id)
    _, links, before = chain.get((subject,), (subject, 0, ""))
    hashed = link(before, event.partition.topic, event.partition.number, event.offset, event.id)
    chain[subject,] = (subject, links + 1, hashed)
    _, events, total = totals.get((at,), (at, 0, 0))
    totals[at,] = (at, events + 1, total + int(event.id))


class Holding:
    """A `Codec` of CloudEvents, for a worker that is to be held when it has read and not begun to write."""

    def __init__(self) -> None:
        self._folder = Path(os.environ["LEDGER_FOLDER"])
        self._inner = CloudEvents()

    def decode(self, record: Record) -> Event:
        hold(self._folder, BEFORE_TRANSACTION)
        return self._inner.decode(record)


class Separate:
    """The same rows as one writes them by hand: in a transaction of their own, and the offset afterwards."""

    name = "chain"
    handles = None

    def __init__(self) -> None:
        self._chain = Chain()
        self._connection = sqlite3.connect(
            Path(os.environ["LEDGER_FOLDER"]) / "rows.sqlite", timeout=20, isolation_level=None
        )
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=OFF")
        for table in TABLES:
            columns = ", ".join(column.name for column in table.columns)
            self._connection.execute(
                f"CREATE TABLE IF NOT EXISTS {table.name} ({columns}, PRIMARY KEY ({', '.join(table.key)}))"
            )

    def apply(self, batch: Batch) -> None:
        own = _Own(self._connection)
        self._chain.project(batch, own)
        self._connection.execute("BEGIN IMMEDIATE")
        for table, rows in own.written:
            marks = ", ".join("?" * len(table.columns))
            self._connection.executemany(f"REPLACE INTO {table.name} VALUES ({marks})", rows)
        self._connection.execute("COMMIT")


class _Own:
    """Loads rows, and keeps those to be written for later."""

    is_repeated = False
    cursor: Any = None

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.written: list[tuple[Table, list[Row]]] = []
        self._connection = connection

    def load(self, table: Table, keys: Sequence[Key]) -> Mapping[Key, Row]:
        where = " AND ".join(f"{name} = ?" for name in table.key)
        return {key: row for key in keys for row in self._found(table, where, key)}

    def write(self, table: Table, rows: Iterable[Row], gone: Iterable[Key] = ()) -> None:
        self.written.append((table, list(rows)))

    def append(self, table: Table, rows: Iterable[Row]) -> None:
        raise AssertionError("nothing is appended")

    def clear(self, table: Table) -> None:
        raise AssertionError("nothing is cleared")

    def _found(self, table: Table, where: str, key: Key) -> Iterator[Row]:
        yield from self._connection.execute(f"SELECT * FROM {table.name} WHERE {where}", key)
