"""Whether everything behind an offset is still in its stream: nothing that was trimmed is jumped."""

from __future__ import annotations

from consumer.adapters.redis.extents import Extent
from consumer.adapters.redis.ids import ZERO
from consumer.model.position import Partition, StreamOffset


def follows(offset: StreamOffset, first_read: StreamOffset) -> bool:
    """Whether nothing can be missing between `offset` and the first entry read from just below it.

    That entry is the offset's own, or stands at the very next id.
    """
    return offset in {first_read, first_read.previous}


def what_is_missing(offset: StreamOffset, counted: int | None, found: Extent | None) -> str | None:
    """Why entries behind `offset` may be gone, now that its own entry is; None where all are there.

    `counted` is how many entries had been added up to `offset`, where that is known. Trimming takes
    the eldest, so if no more than that many are gone, all of them were applied. (The server's
    max-deleted-entry-id would not tell: it is about XDEL alone.)
    """
    if found is None:
        return None if offset == ZERO else "the stream is gone"
    if found.last_added == offset:
        return None
    if found.last_added < offset:
        return (
            "the stream was deleted and made anew, or lost its last entries in a failover: "
            f"the last one ever added to it is {found.last_added}"
        )
    if found.added is None:
        return None if offset == ZERO else f"its entry was trimmed or deleted, and {_left(found)}"
    if counted is None or not _all_were_applied(found.added, counted, offset, found):
        return f"entries behind it were trimmed, or may have been, and {_left(found)}"
    return None


def loss(partition: Partition, offset: StreamOffset, missing: str) -> str:
    """What an operator is told."""
    return (
        f"{partition} cannot go on from offset {offset}: {missing}. Bring the stream back, or reset "
        "the projection's offsets; and keep more entries than a projection may lag behind"
    )


def _all_were_applied(added: int, counted: int, offset: StreamOffset, found: Extent) -> bool:
    gone = added - found.length
    if gone == counted <= added:
        return True
    # Fewer are gone: the offset's entry was deleted by itself, and applied ones before it are there.
    return gone < counted <= added and found.first is not None and found.first < offset


def _left(found: Extent) -> str:
    if found.first is None:
        return "the stream is empty"
    return f"the stream holds {found.first} to {found.last}"
