"""The rows of a SQLite file that hold checkpoints."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

from consumer.errors import Misconfigured, NewerRecord
from consumer.model.condition import Condition, State, running
from consumer.model.custody import SCHEMA, UNCLAIMED, Custody, newer, recorded_offset
from consumer.model.position import LogIdentity, Partition

_TABLE = """
CREATE TABLE IF NOT EXISTS projection_checkpoints (
    projection TEXT NOT NULL,
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    schema INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    token TEXT NOT NULL,        -- "" where no claim may commit
    owner TEXT NOT NULL,        -- "" where nobody has it
    log_id TEXT NOT NULL,
    log_partitions INTEGER,     -- NULL where the projection was reset
    "offset" TEXT,
    updated_at INTEGER NOT NULL,  -- milliseconds since 1970
    PRIMARY KEY (projection, topic, partition)
) WITHOUT ROWID
"""

#: Columns that the files of older releases lack; NULL where no release that knows them wrote the row.
_ADDED = {
    "state": "TEXT",
    "reason": "TEXT",
    "since": "INTEGER",  # milliseconds since 1970
    "state_epoch": "INTEGER",  # of the claim that left these; an older release moves `epoch` alone
}

_STORE = """
CREATE TABLE IF NOT EXISTS projection_store (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    incarnation TEXT NOT NULL   -- an id that goes with the data
)
"""

_READ = """
SELECT schema, epoch, token, owner, log_id, log_partitions, "offset",
    state, reason, since, state_epoch
FROM projection_checkpoints WHERE projection = ? AND topic = ? AND partition = ?
"""

#: Columns of later releases keep what they hold.
_WRITE = """
INSERT INTO projection_checkpoints (projection, topic, partition,
    schema, epoch, token, owner, log_id, log_partitions, "offset", updated_at,
    state, reason, since, state_epoch)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET schema = excluded.schema, epoch = excluded.epoch, token = excluded.token,
    owner = excluded.owner, log_id = excluded.log_id, log_partitions = excluded.log_partitions,
    "offset" = excluded."offset", updated_at = excluded.updated_at,
    state = excluded.state, reason = excluded.reason, since = excluded.since,
    state_epoch = excluded.state_epoch
"""


def prepare(connection: sqlite3.Connection) -> None:
    """Makes the tables where there are none, and the columns that an older release did not."""
    connection.execute(_TABLE)
    connection.execute(_STORE)
    if _lacking(connection):
        # Under the lock of writers, and looked at again: of processes that come at once, one adds them.
        connection.execute("BEGIN IMMEDIATE")
        for name in _lacking(connection):
            connection.execute(
                f"ALTER TABLE projection_checkpoints ADD COLUMN {name} {_ADDED[name]}"
            )
        connection.execute("COMMIT")


def _lacking(connection: sqlite3.Connection) -> list[str]:
    rows = connection.execute("SELECT name FROM pragma_table_info('projection_checkpoints')")
    there = {name for (name,) in rows}
    return [name for name in _ADDED if name not in there]


def incarnation(connection: sqlite3.Connection) -> str:
    """Which one the data is of, as whoever asked first wrote it; data that was lost takes it along."""
    connection.execute(
        "INSERT OR IGNORE INTO projection_store (only, incarnation) VALUES (1, ?)", (uuid4().hex,)
    )
    (found,) = connection.execute("SELECT incarnation FROM projection_store").fetchone()
    return str(found)


def read(connection: sqlite3.Connection, projection: str, partition: Partition) -> Custody | None:
    """What is recorded; None if nothing ever was. Raises `NewerRecord` where this release cannot read it."""
    place = (projection, partition.topic, partition.number)
    row = connection.execute(_READ, place).fetchone()
    if row is None:
        return None
    schema, epoch, token, owner, log_id, log_partitions, offset, *left = row
    if schema > SCHEMA:
        raise newer(projection, partition, schema)
    log = None if log_partitions is None else LogIdentity(log_id, log_partitions)
    at = recorded_offset(projection, partition, offset)
    return Custody(epoch, token, owner, log, at, _condition(epoch, *left))


def _condition(
    epoch: int, state: State | None, reason: str | None, since: int | None, left_under: int | None
) -> Condition:
    """The word of the last claim; of one that an older release made there is none."""
    if state is None or left_under != epoch:
        return running()
    time = None if since is None else datetime.fromtimestamp(since / 1000, UTC)
    return Condition(state, reason or "", time)


def read_if_legible(
    connection: sqlite3.Connection, projection: str, partition: Partition
) -> Custody:
    """As `read`; where nothing is recorded, or nothing that can be read, what a reset leaves."""
    row = connection.execute(_READ, (projection, partition.topic, partition.number)).fetchone()
    try:
        return read(connection, projection, partition) or UNCLAIMED
    except NewerRecord:
        raise
    except Misconfigured:
        return Custody(row[1])


def write(
    connection: sqlite3.Connection, projection: str, partition: Partition, custody: Custody
) -> None:
    """Records it, in the place of what was."""
    log, offset, condition = custody.log, custody.offset, custody.condition
    values = (
        projection,
        partition.topic,
        partition.number,
        SCHEMA,
        custody.epoch,
        custody.token,
        custody.owner,
        log.id if log else "",
        log.partitions if log else None,
        None if offset is None else str(offset),
        time.time_ns() // 1_000_000,
        condition.state,
        condition.reason,
        None if condition.since is None else round(condition.since.timestamp() * 1000),
        custody.epoch,
    )
    connection.execute(_WRITE, values)


def projections(connection: sqlite3.Connection) -> Sequence[str]:
    """Who was claimed and not reset since, sorted."""
    rows = connection.execute(
        "SELECT DISTINCT projection FROM projection_checkpoints "
        "WHERE log_partitions IS NOT NULL ORDER BY projection"
    )
    return [name for (name,) in rows]


def partitions(connection: sqlite3.Connection, projection: str) -> Sequence[Partition]:
    """Where the projection has a record and was not reset since, in order."""
    rows = connection.execute(
        "SELECT topic, partition FROM projection_checkpoints "
        "WHERE projection = ? AND log_partitions IS NOT NULL ORDER BY topic, partition",
        (projection,),
    )
    return [Partition(*row) for row in rows]
