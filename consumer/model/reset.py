"""What is left to read of a reset of offsets: the audit's record."""

from __future__ import annotations

from datetime import datetime

import msgspec

from consumer.model.position import Offset, Partition


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
