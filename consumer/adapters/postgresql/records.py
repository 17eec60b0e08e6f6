"""The rows of PostgreSQL that hold checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import uuid4

from consumer.adapters.postgresql.checkpoint_tables import CheckpointTables
from consumer.adapters.postgresql.connection import Cursor
from consumer.errors import Misconfigured, NewerRecord
from consumer.model.condition import Condition, State, running
from consumer.model.custody import SCHEMA, Custody, newer, recorded_offset
from consumer.model.position import Claim, LogIdentity, Offset, Partition

_PLACE = "WHERE projection = %s AND topic = %s AND partition = %s"

_READ = f"""
SELECT schema, epoch, token, owner, log_id, log_partitions, "offset",
    state, reason, since, state_epoch, clock_timestamp()
FROM projection_checkpoints {_PLACE}"""  # noqa: S608  it is made of constants

#: A row that was not there is made before it is locked, so that claims that race wait for one another.
_MAKE = """
INSERT INTO projection_checkpoints (projection, topic, partition, schema, epoch, token, owner,
    log_id, updated_at, state, reason, state_epoch)
VALUES (%s, %s, %s, %s, 0, '', '', '', clock_timestamp(), 'running', '', 0)
ON CONFLICT DO NOTHING RETURNING true"""

_WRITE = f"""
UPDATE projection_checkpoints SET schema = %s, epoch = %s, token = %s, owner = %s, log_id = %s,
    log_partitions = %s, "offset" = %s, updated_at = clock_timestamp(),
    state = %s, reason = %s, since = %s, state_epoch = %s
{_PLACE}"""  # noqa: S608

#: The rule of `Custody.committed` for who runs already, which is nearly everyone; the rest needs more.
_COMMIT = f"""
UPDATE projection_checkpoints SET "offset" = %s, updated_at = clock_timestamp()
{_PLACE} AND schema = %s AND epoch = %s AND token = %s
    AND state = 'running' AND state_epoch = epoch
    AND ("offset" IS NOT DISTINCT FROM %s OR "offset" = %s)
RETURNING true"""  # noqa: S608

_INCARNATION = """
INSERT INTO projection_store (only_one, incarnation) VALUES (true, %s) ON CONFLICT DO NOTHING"""

_PARTITIONS = """
SELECT topic, partition FROM projection_checkpoints
WHERE projection = %s AND log_partitions IS NOT NULL ORDER BY topic, partition"""


class Found(NamedTuple):
    """What is recorded, and the time by the server's clock."""

    custody: Custody
    now: datetime


class Records:
    """The statements about checkpoints, for the tables of one schema."""

    def __init__(self, tables: CheckpointTables) -> None:
        self._tables = tables
        self._read = tables.named(_READ)
        self._lock = tables.named(f"{_READ} FOR UPDATE")
        self._make = tables.named(_MAKE)
        self._write = tables.named(_WRITE)
        self._commit = tables.named(_COMMIT)
        self._partitions = tables.named(_PARTITIONS)
        self._projections = tables.named(
            "SELECT DISTINCT projection FROM projection_checkpoints "
            "WHERE log_partitions IS NOT NULL ORDER BY projection"
        )
        self._new_incarnation = tables.named(_INCARNATION)
        self._incarnation = tables.named("SELECT incarnation FROM projection_store")

    def read(self, projection: str, partition: Partition) -> Custody | None:
        """What is recorded; None if nothing ever was. Raises `NewerRecord` where this release cannot read it."""
        rows = self._tables.rows(self._read, _place(projection, partition))
        return _found(projection, partition, rows[0]).custody if rows else None

    def locked(self, cursor: Cursor, projection: str, partition: Partition) -> Found | None:
        """As `read`, and nobody else writes it before the transaction ends."""
        row = self._locked_row(cursor, projection, partition)
        return None if row is None else _found(projection, partition, row)

    def made(self, cursor: Cursor, projection: str, partition: Partition) -> tuple[bool, Found]:
        """As `locked`; and whether there was none, and so it was made."""
        is_new = self._is_made(cursor, projection, partition)
        row = self._locked_row(cursor, projection, partition)
        assert row is not None  # noqa: S101  it was just made, and rows are never deleted
        return is_new, _found(projection, partition, row)

    def made_if_legible(self, cursor: Cursor, projection: str, partition: Partition) -> Found:
        """As `made`; of what nobody can read, what a reset leaves."""
        self._is_made(cursor, projection, partition)
        row = self._locked_row(cursor, projection, partition)
        assert row is not None  # noqa: S101  as above
        try:
            return _found(projection, partition, row)
        except NewerRecord:
            raise
        except Misconfigured:
            return Found(Custody(row[1]), _utc(row[-1]))

    def write(
        self, cursor: Cursor, projection: str, partition: Partition, custody: Custody
    ) -> None:
        """Records it, in the place of what was; the row is there."""
        log, offset, condition = custody.log, custody.offset, custody.condition
        values = (
            SCHEMA,
            custody.epoch,
            custody.token,
            _storable(custody.owner),
            log.id if log else "",
            log.partitions if log else None,
            None if offset is None else str(offset),
            condition.state,
            _storable(condition.reason),
            condition.since,
            custody.epoch,
        )
        cursor.execute(self._write, (*values, *_place(projection, partition)))

    def commit(self, claim: Claim, expected: Offset | None, offset: Offset) -> bool:
        """Whether the commit was one of the common kind, and is done, in one round trip."""
        values = (
            str(offset),
            *_place(claim.projection, claim.partition),
            *(SCHEMA, claim.epoch, claim.token),
            None if expected is None else str(expected),
            str(offset),
        )
        return bool(self._tables.changed(self._commit, values))

    def incarnation(self, cursor: Cursor) -> str:
        """Which one the data is of, as whoever asked first wrote it; data that was lost takes it along."""
        found = cursor.execute(self._incarnation).fetchone()
        if found is None:
            cursor.execute(self._new_incarnation, (uuid4().hex,))
            found = cursor.execute(self._incarnation).fetchone()
        assert found is not None  # noqa: S101  it was just made
        return str(found[0])

    def projections(self) -> Sequence[str]:
        """Who was claimed and not reset since, sorted."""
        return [name for (name,) in self._tables.rows(self._projections)]

    def partitions(self, projection: str) -> Sequence[Partition]:
        """Where the projection has a record and was not reset since, in order."""
        return [Partition(*row) for row in self._tables.rows(self._partitions, (projection,))]

    def locked_partitions(self, cursor: Cursor, projection: str) -> Sequence[Partition]:
        """As `partitions`, and nobody else writes their records before the transaction ends."""
        rows = cursor.execute(self._partitions + b" FOR UPDATE", (projection,)).fetchall()
        return [Partition(*row) for row in rows]

    def _is_made(self, cursor: Cursor, projection: str, partition: Partition) -> bool:
        values = (*_place(projection, partition), SCHEMA)
        return cursor.execute(self._make, values).fetchone() is not None

    def _locked_row(
        self, cursor: Cursor, projection: str, partition: Partition
    ) -> tuple[Any, ...] | None:
        return cursor.execute(self._lock, _place(projection, partition)).fetchone()


def _found(projection: str, partition: Partition, row: tuple[Any, ...]) -> Found:
    schema, epoch, token, owner, log_id, log_partitions, offset, *left, now = row
    if schema > SCHEMA:
        raise newer(projection, partition, schema)
    log = None if log_partitions is None else LogIdentity(log_id, log_partitions)
    at = recorded_offset(projection, partition, offset)
    condition = _condition(epoch, *left)
    return Found(Custody(epoch, token, owner, log, at, condition), _utc(now))


def _condition(
    epoch: int, state: State, reason: str, since: datetime | None, left_under: int
) -> Condition:
    """The word of the last claim; of one that an older release made there may be none."""
    if left_under != epoch:
        return running()
    return Condition(state, reason, None if since is None else _utc(since))


def _utc(time: datetime) -> datetime:
    return time.astimezone(UTC)


def _place(projection: str, partition: Partition) -> tuple[str, str, int]:
    return projection, partition.topic, partition.number


def _storable(text: str) -> str:
    """PostgreSQL keeps no NUL, and nothing that is not Unicode; what stands in a partition's way may be both."""
    return text.replace("\x00", "\\x00").encode(errors="backslashreplace").decode()
