"""Checkpoints in a SQLite file: durable, without a server, for the processes of one machine."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from consumer.adapters.sqlite import records
from consumer.adapters.sqlite.file import SqliteFile
from consumer.model.condition import Condition
from consumer.model.custody import (
    UNCLAIMED,
    another_log,
    fenced,
    gone,
    validated_offset,
)
from consumer.model.names import validated_name
from consumer.model.position import Checkpoint, Claim, LogIdentity, Offset, Partition


class SqliteOffsetStore:
    """The `OffsetStore` in a file, which is made if need be (its folder is not).

    A commit is on the disk when it returns. Any number of threads and processes may share the file;
    it must not lie on a network file system.
    """

    def __init__(self, path: str | Path) -> None:
        self._file = SqliteFile(path, records.prepare)
        #: What this process held last, and under which epoch.
        self._held: dict[tuple[str, Partition], int] = {}
        #: The incarnation of the file in which this process first claimed for each projection.
        self._incarnations: dict[str, str] = {}

    def get(self, projection: str, partition: Partition) -> Checkpoint | None:
        """As `OffsetStore.get`; `NewerRecord` where this release cannot read the record."""
        validated_name(projection)
        with self._file.open() as connection:
            custody = records.read(connection, projection, partition) or UNCLAIMED
        return custody.checkpoint(projection, partition)

    def claim(
        self,
        projection: str,
        partition: Partition,
        *,
        owner: str,
        log: LogIdentity,
        floor: int | None = None,
    ) -> Claim:
        """As `OffsetStore.claim`. A file put back from a copy hands no epoch out to us twice."""
        validated_name(projection)
        token = uuid4().hex
        with self._file.writing() as connection:
            held = self._held.get((projection, partition), 0)
            incarnation = records.incarnation(connection)
            is_another = self._incarnations.get(projection, incarnation) != incarnation
            before = records.read(connection, projection, partition)
            if before is None and floor is None and (held or is_another):
                raise gone(projection, partition)
            before = before or UNCLAIMED
            after = before.claimed(owner, token, log, max(floor or 0, held), datetime.now(UTC))
            if after is None:
                raise another_log(projection, partition, before.log or log, log)
            records.write(connection, projection, partition, after)
        self._held[projection, partition] = max(after.epoch, held)
        if floor is None:
            self._incarnations.setdefault(projection, incarnation)
        else:
            self._incarnations[projection] = incarnation
        return Claim(projection, partition, after.epoch, token, after.offset)

    def commit(self, claim: Claim, expected: Offset | None, offset: Offset) -> None:
        """As `OffsetStore.commit`."""
        place = (validated_name(claim.projection), claim.partition)
        validated_offset(offset)
        with self._file.writing() as connection:
            before = records.read(connection, *place)
            if before is None:
                raise gone(*place)
            after = before.committed(claim, expected, offset, datetime.now(UTC))
            if after is None:
                raise fenced(claim, offset)
            records.write(connection, *place, after)

    def release(self, claim: Claim) -> None:
        """As `OffsetStore.release`."""
        place = (validated_name(claim.projection), claim.partition)
        with self._file.writing() as connection:
            before = records.read(connection, *place)
            if before is None or not before.is_held_by(claim):
                return
            records.write(connection, *place, before.released(datetime.now(UTC)))

    def note(self, claim: Claim, condition: Condition) -> None:
        """As `OffsetStore.note`."""
        place = (validated_name(claim.projection), claim.partition)
        with self._file.writing() as connection:
            before = records.read(connection, *place)
            if before is None or not before.is_held_by(claim):
                return
            records.write(connection, *place, before.noted(condition, datetime.now(UTC)))

    def move(
        self, projection: str, partition: Partition, offset: Offset, *, log: LogIdentity
    ) -> Checkpoint | None:
        """As `OffsetStore.move`, also where the record is gone, damaged, or of another log."""
        place = (validated_name(projection), partition)
        validated_offset(offset)
        with self._file.writing() as connection:
            before = records.read_if_legible(connection, *place)
            after = before.moved(log, offset, datetime.now(UTC))
            records.write(connection, *place, after)
        return before.checkpoint(*place)

    def list_projections(self) -> Sequence[str]:
        """As `OffsetStore.list_projections`."""
        with self._file.open() as connection:
            return records.projections(connection)

    def partitions(self, projection: str) -> Sequence[Partition]:
        """As `OffsetStore.partitions`."""
        validated_name(projection)
        with self._file.open() as connection:
            return records.partitions(connection, projection)

    def reset(self, projection: str) -> None:
        """As `OffsetStore.reset`, all partitions at once."""
        validated_name(projection)
        with self._file.writing() as connection:
            for partition in records.partitions(connection, projection):
                custody = records.read(connection, projection, partition) or UNCLAIMED
                records.write(connection, projection, partition, custody.reset())
        for place in [place for place in self._held if place[0] == projection]:
            self._held.pop(place, None)
        self._incarnations.pop(projection, None)

    def vacuum(self) -> None:
        """Gives the space back that the file no longer needs; others wait meanwhile."""
        with self._file.open() as connection:
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """As `OffsetStore.close`."""
        self._file.close()
