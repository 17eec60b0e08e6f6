"""The ids of a stream's entries as offsets, and their order."""

from __future__ import annotations

from consumer.model.position import StreamOffset

ZERO = StreamOffset(0, 0)

#: The highest sequence number that an id can have within its millisecond.
_LAST_SEQUENCE = 2**64 - 1


def offset_of(entry_id: bytes) -> StreamOffset:
    """The offset of the entry that Redis calls by this id."""
    milliseconds, _, sequence = entry_id.partition(b"-")
    return StreamOffset(int(milliseconds), int(sequence))


def before(offset: StreamOffset) -> StreamOffset:
    """The highest id below this one; the zero is its own."""
    if offset.sequence > 0:
        return StreamOffset(offset.milliseconds, offset.sequence - 1)
    if offset.milliseconds > 0:
        return StreamOffset(offset.milliseconds - 1, _LAST_SEQUENCE)
    return offset
