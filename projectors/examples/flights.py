"""A projector of one's own, in full: flights and how late they were, a row each, in SQLite."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from consumer import Batch, Event, Transient

_TABLES = """
CREATE TABLE IF NOT EXISTS flights (
    flight TEXT PRIMARY KEY,
    carrier TEXT,
    origin TEXT,
    destination TEXT,
    departure_delay INTEGER,
    arrival_delay INTEGER,
    cancelled INTEGER
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS applied (
    worker INTEGER,
    partition TEXT,
    events INTEGER,
    PRIMARY KEY (worker, partition)
) WITHOUT ROWID;
"""

#: What an event does not tell is left as it is, so an event that comes again changes nothing.
_FLIGHT = """
INSERT INTO flights VALUES (:flight, :carrier, :origin, :destination, :departed, :arrived, :cancelled)
ON CONFLICT (flight) DO UPDATE SET
    carrier = coalesce(excluded.carrier, carrier),
    origin = coalesce(excluded.origin, origin),
    destination = coalesce(excluded.destination, destination),
    departure_delay = coalesce(excluded.departure_delay, departure_delay),
    arrival_delay = coalesce(excluded.arrival_delay, arrival_delay),
    cancelled = coalesce(excluded.cancelled, cancelled)
"""

#: Counts every apply, repeats included: it shows what "at least once" means, and how far each worker is.
_APPLIED = """
INSERT INTO applied VALUES (?, ?, ?)
ON CONFLICT (worker, partition) DO UPDATE SET events = events + excluded.events
"""


@dataclass(frozen=True)
class Scheduled:
    """The data of `flight.scheduled`."""

    carrier: str
    origin: str
    destination: str


@dataclass(frozen=True)
class Delay:
    """The data of `flight.departed` and `flight.arrived`: minutes behind the schedule, negative when early."""

    delay: int


class Flights:
    """Keeps the table `flights` of a SQLite file: `path`, or what FLIGHTS_DATABASE says, or `flights.sqlite`.

    Each batch is one transaction, and each row an upsert, so a batch that comes again does no harm.
    """

    name = "flights"
    handles = frozenset(
        {"flight.scheduled", "flight.departed", "flight.arrived", "flight.cancelled"}
    )

    def __init__(self, path: str | None = None) -> None:
        self._path = path or os.environ.get("FLIGHTS_DATABASE", "flights.sqlite")
        self._database: sqlite3.Connection | None = None

    def setup(self) -> None:
        """Opens the file, and makes the tables where they are missing. `Transient` while it is locked."""
        database = sqlite3.connect(self._path, isolation_level=None)
        try:
            with _locks_are_transient():
                database.execute("PRAGMA journal_mode = WAL")  # readers and the writer do not wait
                database.executescript(_TABLES)
        except BaseException:
            database.close()
            raise
        self._database = database

    def apply(self, batch: Batch) -> None:
        """Writes all that the batch tells; durable when it returns. `Transient` while the file is locked."""
        rows: dict[str, dict[str, str | int | None]] = {}
        for event in batch:
            row = rows.setdefault(event.aggregate_id, {**_UNKNOWN, "flight": event.aggregate_id})
            row.update(_told_by(event))
        with self._transaction() as database:
            database.executemany(_FLIGHT, rows.values())
            database.execute(_APPLIED, (os.getpid(), str(batch.partition), len(batch)))

    def close(self) -> None:
        """Closes the file."""
        if self._database is not None:
            self._database.close()
            self._database = None

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        if self._database is None:
            raise RuntimeError("setup() comes before the first batch")
        database = self._database
        with _locks_are_transient(), database:
            database.execute("BEGIN IMMEDIATE")  # two workers write in turn
            yield database


_UNKNOWN = dict.fromkeys(
    ("carrier", "origin", "destination", "departed", "arrived", "cancelled"), None
)


def _told_by(event: Event) -> dict[str, str | int | None]:
    match event.type:
        case "flight.scheduled":
            flight = event.decode(Scheduled)
            return {
                "carrier": flight.carrier,
                "origin": flight.origin,
                "destination": flight.destination,
            }
        case "flight.departed":
            return {"departed": event.decode(Delay).delay}
        case "flight.arrived":
            return {"arrived": event.decode(Delay).delay}
        case _:
            return {"cancelled": 1}


@contextmanager
def _locks_are_transient() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as cause:
        if cause.sqlite_errorcode in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise Transient("the flights' database is locked by another writer") from cause
        raise
