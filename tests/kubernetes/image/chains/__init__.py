"""A projector whose rows show whatever is lost, repeated or reordered, and how long each batch was on its way.

It runs in pods, so it stands on nothing of the tests. Variables and files make it misbehave: CHAINS_BURN_MS is
what an event costs of CPU, CHAINS_WAIT_MS of waiting, as for a distant server, and a worker that finds the file
/tmp/hoard takes memory until it is killed.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Collection
from pathlib import Path

from consumer import Batch, Column, Event, Key, Kind, Row, Table, Transaction

#: Each event of a subject is a link behind the one before.
LINKS = Table(
    "links",
    (Column("subject", Kind.TEXT), Column("links", Kind.INTEGER), Column("hash", Kind.TEXT)),
    key=("subject",),
)
#: When each batch was applied, when the oldest of its events was published (seconds since 1970), and by whom.
BATCHES = Table(
    "batches",
    (
        Column("partition", Kind.INTEGER),
        Column("first", Kind.TEXT),
        Column("events", Kind.INTEGER),
        Column("published", Kind.FLOAT),
        Column("applied", Kind.FLOAT),
        Column("worker", Kind.TEXT),
        Column("release", Kind.TEXT),
    ),
    key=("partition", "first"),
)

_HOARD = Path("/tmp/hoard")
_BURN_SECONDS = float(os.environ.get("CHAINS_BURN_MS", "0")) / 1000
_WAIT_SECONDS = float(os.environ.get("CHAINS_WAIT_MS", "0")) / 1000
_RELEASE = os.environ.get("CHAINS_RELEASE", "")
_WORKER = os.environ.get("HOSTNAME", "")


def link(before: str, partition: int, offset: object, event_id: str) -> str:
    """The hash of a chain that has one more event."""
    return hashlib.sha256(f"{before} {partition} {offset} {event_id}".encode()).hexdigest()


class Chains:
    """A `TransactionalProjector` of two tables."""

    name = "chains"
    handles: Collection[str] | None = None
    read_models: Collection[str] | None = None
    tables = (LINKS, BATCHES)

    def prepare(self, transaction: Transaction) -> None:
        """Nothing but the tables."""

    def project(self, batch: Batch, transaction: Transaction) -> None:
        """One link more for each event, and a row for the batch."""
        _misbehave(len(batch))
        subjects = sorted({(event.aggregate_id,) for event in batch})
        found = dict(transaction.load(LINKS, subjects))
        for event in batch:
            _fold(event, found)
        transaction.write(LINKS, found.values())
        transaction.write(BATCHES, [_told(batch)])

    def clear(self, transaction: Transaction) -> None:
        """Deletes the rows of both."""
        for table in self.tables:
            transaction.clear(table)


def _fold(event: Event, found: dict[Key, Row]) -> None:
    subject = event.aggregate_id
    _, links, before = found.get((subject,), (subject, 0, ""))
    hashed = link(before, event.partition.number, event.offset, event.id)
    found[subject,] = (subject, links + 1, hashed)


def _told(batch: Batch) -> Row:
    published = min(event.time.timestamp() for event in batch if event.time)
    first = str(batch.events[0].offset)
    return (batch.partition.number, first, len(batch), published, time.time(), _WORKER, _RELEASE)


def _misbehave(events: int) -> None:
    time.sleep(events * _WAIT_SECONDS)
    until = time.process_time() + events * _BURN_SECONDS
    while time.process_time() < until:
        pass
    if _HOARD.exists():
        _HOARD.unlink()  # the next container of the pod finds the same folder
        hoard = []
        while True:
            hoard.append(bytearray(os.urandom(1 << 20)))


chains = Chains()
