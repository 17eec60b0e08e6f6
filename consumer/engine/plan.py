"""What a reset of a projection will do, as a value."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from enum import StrEnum

import msgspec

from consumer.engine.standing import Book
from consumer.model.position import IntOffset, LogIdentity, Offset, Partition
from consumer.model.reset import Move, Reset


class Fate(StrEnum):
    """What becomes of a read model when offsets are reset."""

    #: Nothing: whoever typed it sees to it.
    UNTOUCHED = "untouched"
    #: Its projector empties it before the checkpoints move.
    EMPTIED = "emptied"
    #: Its rows stay, and what is passed over will never be in them.
    KEPT = "kept"
    #: Its rows are cleared, and made anew from all that the log holds.
    CLEARED = "cleared"


class Planned(msgspec.Struct, frozen=True):
    """A checkpoint that is to be moved."""

    partition: Partition
    #: How far it has come on this log; None where it never ran there, or nobody can tell.
    before: Offset | None
    after: Offset
    log: LogIdentity
    #: Events behind each of the two, as the broker counts; None where it cannot tell.
    left_before: int | None
    left_after: int | None

    @property
    def begins_late(self) -> bool:
        """Whether the log no longer holds what came before; on Redis Streams nobody can tell by an id."""
        return isinstance(self.after, IntOffset) and not self.after.is_zero

    @property
    def read_again(self) -> int | None:
        """How many events will be read a second time; None where that cannot be told."""
        if self.left_before is None or self.left_after is None:
            return None
        return max(0, self.left_after - self.left_before)

    @property
    def passed_over(self) -> int | None:
        """How many events will never be read; None where that cannot be told."""
        if self.left_before is None or self.left_after is None:
            return None
        return max(0, self.left_before - self.left_after)


class Plan(msgspec.Struct, frozen=True):
    """What a reset of a projection will do."""

    projection: str
    #: What was typed, as in `--to-earliest`.
    words: str
    moves: tuple[Planned, ...]
    #: What the offset store held when the plan was made.
    book: Book
    #: What becomes of the read model.
    fate: Fate = Fate.UNTOUCHED

    @property
    def living(self) -> Mapping[str, Collection[Partition]]:
        """Who lives and holds partitions of the projection, each with them: workers, or another reset."""
        held: dict[str, list[Partition]] = {}
        for partition, checkpoint in self.book.checkpoints.items():
            if checkpoint.owner in self.book.present:
                held.setdefault(checkpoint.owner, []).append(partition)
        return held

    def reset(self, by: str, befores: Mapping[Partition, Offset | None]) -> Reset:
        """The audit's record of it, done from where the checkpoints stand by then."""
        moves = tuple(
            Move(each.partition, befores.get(each.partition), each.after) for each in self.moves
        )
        return Reset(self.projection, datetime.now(UTC), by, self.words, moves)
