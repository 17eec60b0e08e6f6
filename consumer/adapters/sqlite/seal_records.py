"""The rows of a SQLite file that hold a read model's seals."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

from consumer.model.custody import recorded_offset
from consumer.model.position import Fence, LogIdentity, Partition
from consumer.model.seal import Seal, outlived

NAME = "projection_seals"

TABLE = f"""
CREATE TABLE IF NOT EXISTS {NAME} (
    projection TEXT NOT NULL,
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    token TEXT NOT NULL,        -- "" where no claim may write
    log_id TEXT NOT NULL,
    log_partitions INTEGER NOT NULL,
    "offset" TEXT,              -- of the last event that the rows hold
    PRIMARY KEY (projection, topic, partition)
) WITHOUT ROWID
"""

_READ = f"""
SELECT epoch, token, log_id, log_partitions, "offset" FROM {NAME}
WHERE projection = ? AND topic = ? AND partition = ?
"""  # noqa: S608 - a name of ours

_WRITE = f"INSERT OR REPLACE INTO {NAME} VALUES (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - a name of ours

_MOVE = f"""
UPDATE {NAME} SET "offset" = ? WHERE projection = ? AND topic = ? AND partition = ?
"""  # noqa: S608 - a name of ours

#: What a reset leaves of partitions that it does not seal: who held one is fenced, and it begins anew.
_UNSEAL = f"""
UPDATE {NAME} SET epoch = epoch + 1, token = '', "offset" = NULL WHERE projection = ?
"""  # noqa: S608 - a name of ours


def read(connection: sqlite3.Connection, projection: str, partition: Partition) -> Seal | None:
    """What is recorded; None if nothing ever was."""
    place = (projection, partition.topic, partition.number)
    row = connection.execute(_READ, place).fetchone()
    if row is None:
        return None
    epoch, token, log_id, log_partitions, offset = row
    at = recorded_offset(projection, partition, offset)
    return Seal(epoch, token, LogIdentity(log_id, log_partitions), at)


def write(
    connection: sqlite3.Connection, projection: str, partition: Partition, seal: Seal
) -> None:
    """Records it, in the place of what was."""
    log, offset = seal.log, None if seal.offset is None else str(seal.offset)
    place = (projection, partition.topic, partition.number)
    connection.execute(_WRITE, (*place, seal.epoch, seal.token, log.id, log.partitions, offset))


def move(connection: sqlite3.Connection, fences: Sequence[Fence]) -> None:
    """Records the offsets of fences that hold."""
    for fence in fences:
        place = (fence.projection, fence.partition.topic, fence.partition.number)
        connection.execute(_MOVE, (str(fence.offset), *place))


def check_replaceable(
    connection: sqlite3.Connection, projection: str, seals: Mapping[Partition, Seal]
) -> None:
    """Raises `Fenced` where a seal that is recorded is not below the one in its place."""
    for partition, seal in seals.items():
        before = read(connection, projection, partition)
        if before is not None and seal.epoch <= before.epoch:
            raise outlived(projection, partition, seal, before.epoch)


def replace(
    connection: sqlite3.Connection, projection: str, replacing: Mapping[Partition, Seal]
) -> None:
    """Records the seals, and takes the offsets of all other partitions of the projection."""
    connection.execute(_UNSEAL, (projection,))
    for partition, seal in replacing.items():
        write(connection, projection, partition, seal)
