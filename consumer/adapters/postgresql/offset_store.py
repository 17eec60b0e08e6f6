"""Checkpoints in PostgreSQL: for a fleet, without a Redis."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

from consumer.adapters.postgresql.checkpoint_tables import CheckpointTables
from consumer.adapters.postgresql.connection import Cursor, Database
from consumer.adapters.postgresql.records import Records
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


class PostgresqlOffsetStore:
    """The `OffsetStore` in tables of `schema`, which are made when they are first written to.

    A commit that returned is as durable as the server's `synchronous_commit` and its replicas make it.
    """

    def __init__(
        self, database: Database, *, schema: str = "public", create_tables: bool = True
    ) -> None:
        self._tables = CheckpointTables(database, schema=schema, create=create_tables)
        self._records = Records(self._tables)
        #: What this process held last, and under which epoch.
        self._held: dict[tuple[str, Partition], int] = {}
        #: The incarnation of the data in which this process first claimed for each projection.
        self._incarnations: dict[str, str] = {}

    def get(self, projection: str, partition: Partition) -> Checkpoint | None:
        """As `OffsetStore.get`; `NewerRecord` where this release cannot read the record."""
        validated_name(projection)
        custody = self._records.read(projection, partition) or UNCLAIMED
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
        """As `OffsetStore.claim`. A database put back from a copy hands no epoch out to us twice."""
        place = (validated_name(projection), partition)
        token = uuid4().hex
        held = self._held.get(place, 0)

        def claimed(cursor: Cursor) -> tuple[str, Claim]:
            incarnation = self._records.incarnation(cursor)
            is_another = self._incarnations.get(projection, incarnation) != incarnation
            is_new, before = self._records.made(cursor, *place)
            if is_new and floor is None and (held or is_another):
                raise gone(*place)
            after = before.custody.claimed(owner, token, log, max(floor or 0, held), before.now)
            if after is None:
                raise another_log(*place, before.custody.log or log, log)
            self._records.write(cursor, *place, after)
            return incarnation, Claim(*place, after.epoch, token, after.offset)

        incarnation, claim = self._tables.write(claimed)
        self._held[place] = max(claim.epoch, held)
        if floor is None:
            self._incarnations.setdefault(projection, incarnation)
        else:
            self._incarnations[projection] = incarnation
        return claim

    def commit(self, claim: Claim, expected: Offset | None, offset: Offset) -> None:
        """As `OffsetStore.commit`."""
        place = (validated_name(claim.projection), claim.partition)
        validated_offset(offset)
        if self._records.commit(claim, expected, offset):
            return

        def by_the_whole_rule(cursor: Cursor) -> None:
            before = self._records.locked(cursor, *place)
            if before is None:
                raise gone(*place)
            after = before.custody.committed(claim, expected, offset, before.now)
            if after is None:
                raise fenced(claim, offset)
            self._records.write(cursor, *place, after)

        self._tables.write(by_the_whole_rule)

    def release(self, claim: Claim) -> None:
        """As `OffsetStore.release`."""
        place = (validated_name(claim.projection), claim.partition)

        def released(cursor: Cursor) -> None:
            before = self._records.locked(cursor, *place)
            if before is not None and before.custody.is_held_by(claim):
                self._records.write(cursor, *place, before.custody.released(before.now))

        self._tables.write(released)

    def note(self, claim: Claim, condition: Condition) -> None:
        """As `OffsetStore.note`."""
        place = (validated_name(claim.projection), claim.partition)

        def noted(cursor: Cursor) -> None:
            before = self._records.locked(cursor, *place)
            if before is not None and before.custody.is_held_by(claim):
                self._records.write(cursor, *place, before.custody.noted(condition, before.now))

        self._tables.write(noted)

    def move(
        self, projection: str, partition: Partition, offset: Offset, *, log: LogIdentity
    ) -> Checkpoint | None:
        """As `OffsetStore.move`, also where the record is gone, damaged, or of another log."""
        place = (validated_name(projection), partition)
        validated_offset(offset)

        def moved(cursor: Cursor) -> Checkpoint | None:
            before = self._records.made_if_legible(cursor, *place)
            self._records.write(cursor, *place, before.custody.moved(log, offset, before.now))
            return before.custody.checkpoint(*place)

        return self._tables.write(moved)

    def list_projections(self) -> Sequence[str]:
        """As `OffsetStore.list_projections`."""
        return self._records.projections()

    def partitions(self, projection: str) -> Sequence[Partition]:
        """As `OffsetStore.partitions`."""
        return self._records.partitions(validated_name(projection))

    def reset(self, projection: str) -> None:
        """As `OffsetStore.reset`, all partitions at once."""
        validated_name(projection)

        def forgotten(cursor: Cursor) -> None:
            for partition in self._records.locked_partitions(cursor, projection):
                before = self._records.locked(cursor, projection, partition)
                custody = before.custody if before else UNCLAIMED
                self._records.write(cursor, projection, partition, custody.reset())

        self._tables.write(forgotten)
        for place in [place for place in self._held if place[0] == projection]:
            self._held.pop(place, None)
        self._incarnations.pop(projection, None)

    def close(self) -> None:
        """As `OffsetStore.close`."""
        self._tables.close()
