"""Which message of its file a record holds: what stands between the schema's id and the message."""

from __future__ import annotations

from collections.abc import Mapping

from google.protobuf.descriptor import Descriptor, FileDescriptor

from consumer.adapters.codecs.reading import refused
from consumer.adapters.codecs.registry.varints import signed
from consumer.model.record import Record

#: The index of a message in the file, then of one within it, and so on.
Place = tuple[int, ...]

#: What stands for the file's first message, the only one of most files.
FIRST = b"\0"
FIRST_PLACE: Place = (0,)

#: Above it a list of indexes is no place of a message: the compiler does not take them nested so deep.
_DEEPEST = 64

#: How Apicurio's serializer begins instead: a message of one text, the name, with its length in front.
_TEXT = b"\x0a"


def message_at(file: FileDescriptor, place: Place) -> Descriptor | None:
    """The message there; None where there is none."""
    found: Descriptor | None = None
    here = list(file.message_types_by_name.values())
    for index in place:
        if not 0 <= index < len(here):
            return None
        found = here[index]
        here = list(found.nested_types)
    return found


def place_of_message(
    record: Record, data: bytes, start: int, names: Mapping[str, int]
) -> tuple[Place, int]:
    """The place that the bytes tell, where it is not `FIRST`, and where the message begins.

    `names` are the file's own. Raises `Undecodable`.
    """
    return _by_name(data, start, names) or _by_indexes(record, data, start)


def _by_indexes(record: Record, data: bytes, start: int) -> tuple[Place, int]:
    count, at = _number(record, data, start)
    if not 0 <= count <= _DEEPEST:
        raise refused(record, "its list of message indexes has no possible length")
    place = []
    for _ in range(count):
        index, at = _number(record, data, at)
        place.append(index)
    return tuple(place), at


def _by_name(data: bytes, start: int, names: Mapping[str, int]) -> tuple[Place, int] | None:
    """None where there stands no name of a message.

    Bytes of indexes may look so only where a message's own first bytes spell the name of another.
    """
    if data[start + 1 : start + 2] != _TEXT:
        return None
    length = int.from_bytes(data[start + 2 : start + 3])
    if data[start] != length + 2:
        return None
    name, end = start + 3, start + 3 + length
    index = names.get(data[name:end].decode(errors="replace"))
    return None if index is None else ((index,), end)


def _number(record: Record, data: bytes, at: int) -> tuple[int, int]:
    """A number as Protobuf's `sint64` is written, and where it ends."""
    try:
        return signed(data, at)
    except IndexError:
        raise refused(record, "its message indexes have no end") from None
