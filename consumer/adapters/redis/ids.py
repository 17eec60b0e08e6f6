"""The ids of a stream's entries as offsets, and their order."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from consumer.model.position import StreamOffset

ZERO = StreamOffset(0, 0)


def offset_of(entry_id: bytes) -> StreamOffset:
    """The offset of the entry that Redis calls by this id."""
    milliseconds, _, sequence = entry_id.partition(b"-")
    return StreamOffset(int(milliseconds), int(sequence))


@lru_cache(maxsize=64)
def moment(milliseconds: bytes | int) -> datetime | None:
    """The time that is in an id; None where the producer made up ids that are no times."""
    try:
        return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
