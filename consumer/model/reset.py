"""What is left to read of a reset of offsets: the audit's record, and the JSON that it is kept as."""

from __future__ import annotations

from datetime import datetime

import msgspec

from consumer.errors import Misconfigured
from consumer.model.position import Offset, Partition

#: How many records of a projection the audit keeps, the latest ones.
KEPT = 1000


class Move(msgspec.Struct, frozen=True):
    """A checkpoint that a reset moved."""

    partition: Partition
    #: None where the projection never ran.
    before: Offset | None
    after: Offset


class Reset(msgspec.Struct, frozen=True):
    """A reset of a projection's offsets: who, when, and what became of which checkpoint."""

    projection: str
    #: With its zone.
    at: datetime
    #: Who typed it: user, host and process.
    by: str
    #: What was typed, as in `--to-earliest`.
    to: str
    moves: tuple[Move, ...]


def encoded(reset: Reset) -> bytes:
    """As JSON, with partitions and offsets as `str` prints them; always the same bytes for the same reset."""
    moves = [
        _Move(
            str(move.partition), None if move.before is None else str(move.before), str(move.after)
        )
        for move in reset.moves
    ]
    return msgspec.json.encode(_Reset(reset.projection, reset.at, reset.by, reset.to, moves))


def decoded(record: bytes | str) -> Reset:
    """The reset that `encoded` wrote, in this release or a later one; `Misconfigured` if nobody can read it."""
    try:
        kept = msgspec.json.decode(record, type=_Reset)
        moves = tuple(
            Move(
                Partition.parse(move.partition),
                None if move.before is None else Offset.parse(move.before),
                Offset.parse(move.after),
            )
            for move in kept.moves
        )
    except ValueError as cause:  # of which msgspec's errors are
        raise Misconfigured(
            f"a record in the audit of resets is damaged: {cause}. Restore the offset store's data, or "
            "take the record out"
        ) from cause
    return Reset(kept.projection, kept.at, kept.by, kept.to, moves)


class _Move(msgspec.Struct):
    partition: str
    before: str | None
    after: str


class _Reset(msgspec.Struct):
    projection: str
    at: datetime
    by: str
    to: str
    moves: list[_Move]
