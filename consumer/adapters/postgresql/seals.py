"""The table of the seals: what is recorded of each partition beside the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import sql

from consumer.adapters.postgresql.connection import Cursor
from consumer.adapters.postgresql.locks import hold, hold_with_others
from consumer.adapters.postgresql.sending import Sending
from consumer.model.position import Claim, Fence, LogIdentity, Offset, Partition
from consumer.model.seal import Seal, are_repeated, behind, outlived, refused

#: Its name.
OFFSETS = "projection_offsets"

_SELECT = """
SELECT epoch, token, log_id, log_partitions, "offset" FROM {}
WHERE projection = %s AND topic = %s AND partition = %s
"""
_PARTITIONS = """
SELECT topic, partition, epoch FROM {} WHERE projection = %s ORDER BY topic, partition FOR UPDATE
"""
_INSERT = """
INSERT INTO {} (epoch, token, log_id, log_partitions, "offset", updated_at, projection, topic, partition)
VALUES (%s, %s, %s, %s, %s, now(), %s, %s, %s) ON CONFLICT (projection, topic, partition) DO
"""
_UPDATE = """
UPDATE SET epoch = excluded.epoch, token = excluded.token, log_id = excluded.log_id,
    log_partitions = excluded.log_partitions, "offset" = excluded."offset", updated_at = now()
"""
_MOVE = """
UPDATE {} SET "offset" = %s, updated_at = now()
WHERE projection = %s AND topic = %s AND partition = %s AND epoch = %s AND "offset" = %s
"""
_FORGET = """
UPDATE {} SET epoch = epoch + 1, token = '', "offset" = NULL, updated_at = now() WHERE projection = %s
"""


class Seals:
    """Reads and writes them, within transactions that are open."""

    def __init__(self, schema: str) -> None:
        self._schema = schema
        self._table = sql.Identifier(schema, OFFSETS)
        self._select = self._rendered(_SELECT)
        self._lock = self._rendered(_SELECT + "FOR UPDATE")
        self._partitions = self._rendered(_PARTITIONS)
        self._insert = self._rendered(_INSERT + "NOTHING")
        self._put = self._rendered(_INSERT + _UPDATE)
        self._move = self._rendered(_MOVE)
        self._forget = self._rendered(_FORGET)

    def read(self, cursor: Cursor, projection: str, partition: Partition) -> Seal | None:
        """What is recorded, without waiting for what is under way."""
        return _seal(cursor.execute(self._select, _place(projection, partition)).fetchone())

    def lock(self, cursor: Cursor, projection: str, partition: Partition) -> Seal | None:
        """What is recorded, and stays so until the transaction ends; a commit under way is waited for."""
        return _seal(cursor.execute(self._lock, _place(projection, partition)).fetchone())

    def renew(self, cursor: Cursor, claim: Claim, log: LogIdentity) -> Seal:
        """Takes the partition; as `ReadModel.seal`."""
        place = (claim.projection, claim.partition)
        first = Seal(claim.epoch, claim.token, log)
        before = self.lock(cursor, *place)
        if before is None:
            # A reset must know all partitions; so nobody adds one while it runs.
            hold_with_others(cursor, self._schema, claim.projection)
            cursor.execute(self._insert, _values(first, *place))
            if cursor.rowcount:
                return first
            before = self.lock(cursor, *place)
        seal = first if before is None else before.renewed(claim, log)
        if seal != before:
            cursor.execute(self._put, _values(seal, *place))
        return seal

    def begin(self, cursor: Cursor, claim: Claim, offset: Offset) -> None:
        """Records the first offset; as `ReadModel.begin`."""
        before = self.lock(cursor, claim.projection, claim.partition)
        if before is None:
            raise behind(claim, 0)
        seal = before.begun(claim, offset)
        cursor.execute(self._put, _values(seal, claim.projection, claim.partition))

    def are_repeated(self, cursor: Cursor, fences: Sequence[Fence]) -> bool:
        """Locks what the fences stand on; whether all were moved before. Raises `Fenced`."""
        in_order = sorted(fences, key=lambda fence: (fence.projection, fence.partition))
        return are_repeated(
            in_order, lambda fence: self.lock(cursor, fence.projection, fence.partition)
        )

    def moving(self, fence: Fence) -> Any:
        """Moves the offset, as what is sent last. `Fenced` where it does not stand any more as it was found under
        lock: a projector's own SQL ended the transaction, and the lock with it.
        """
        place = _place(fence.projection, fence.partition)
        parameters = (str(fence.offset), *place, fence.epoch, str(fence.expected))

        def move(out: Sending) -> None:
            if out.execute(self._move, parameters).rowcount != 1:
                raise refused(fence)

        return move

    def hold_all(self, cursor: Cursor, projection: str, seals: Mapping[Partition, Seal]) -> None:
        """Locks all partitions of the projection, those too that are not there yet. Raises `Fenced` where
        one's epoch would not grow.
        """
        hold(cursor, self._schema, projection)
        for topic, number, epoch in cursor.execute(self._partitions, (projection,)).fetchall():
            seal = seals.get(Partition(topic, number))
            if seal is not None and seal.epoch <= epoch:
                raise outlived(projection, Partition(topic, number), seal, epoch)

    def replacing(self, projection: str, seals: Mapping[Partition, Seal]) -> Any:
        """Takes all offsets of the projection, and seals the partitions as said, as what is sent last."""

        def replace(out: Sending) -> None:
            out.execute(self._forget, (projection,))
            for partition, seal in sorted(seals.items()):
                out.execute(self._put, _values(seal, projection, partition))

        return replace

    def _rendered(self, query: str) -> bytes:
        return sql.SQL(query).format(self._table).as_bytes(None)


def _place(projection: str, partition: Partition) -> tuple[str, str, int]:
    return (projection, partition.topic, partition.number)


def _values(seal: Seal, projection: str, partition: Partition) -> tuple[Any, ...]:
    offset = None if seal.offset is None else str(seal.offset)
    log = seal.log
    return (
        *(seal.epoch, seal.token, log.id, log.partitions, offset),
        *_place(projection, partition),
    )


def _seal(row: tuple[Any, ...] | None) -> Seal | None:
    if row is None:
        return None
    epoch, token, log_id, log_partitions, offset = row
    at = None if offset is None else Offset.parse(offset)
    return Seal(epoch, token, LogIdentity(log_id, log_partitions), at)
