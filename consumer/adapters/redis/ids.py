"""The ids of a stream's entries as offsets, and their order."""

from __future__ import annotations

from consumer.model.position import StreamOffset

ZERO = StreamOffset(0, 0)


def offset_of(entry_id: bytes) -> StreamOffset:
    """The offset of the entry that Redis calls by this id."""
    milliseconds, _, sequence = entry_id.partition(b"-")
    return StreamOffset(int(milliseconds), int(sequence))
