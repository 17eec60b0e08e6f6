"""Protobuf: what its bytes hold, by the file that they were written with and the place of their message in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from google.protobuf.descriptor import Descriptor, FileDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from consumer.adapters.codecs.reading import refused
from consumer.adapters.codecs.registry.body import Body, Read
from consumer.adapters.codecs.registry.protobuf_known import Inadmissible
from consumer.adapters.codecs.registry.protobuf_schemas import compiled
from consumer.adapters.codecs.registry.protobuf_values import Values
from consumer.adapters.codecs.registry.registered import Registered
from consumer.model.record import Record

#: What stands for the file's first message, the only one of most files.
_FIRST = b"\0"

#: Above it a list of indexes is no place of a message: the compiler does not take them nested so deep.
_DEEPEST = 64

#: The bit that says that the next byte belongs to the number too.
_MORE = 0x80


class _Kind(msgspec.Struct, frozen=True):
    """A message of the file, and how it is read."""

    name: str
    parse: Callable[[bytes], Message]
    values: Callable[[Message], Any]


def reader(schema: Registered) -> Read:
    """What reads messages of this schema's file.

    Raises `Unreadable`, and `Transient` where the compiler could not be run.
    """
    file = compiled(schema)
    values = Values()
    kinds: dict[tuple[int, ...], _Kind] = {}

    def kind_at(record: Record, place: tuple[int, ...]) -> _Kind:
        message = _message(file, place)
        if message is None:
            raise refused(record, f"{schema.title} has no message at index {list(place)}")
        name = message.full_name
        try:
            kind = _Kind(name, GetMessageClass(message).FromString, values.of(message))
        except Exception as cause:  # what the library does not take, such as a chain of 500 types
            why = f"{name} of {schema.title} cannot be read ({type(cause).__name__})"
            raise refused(record, why) from cause
        return kinds.setdefault(place, kind)

    def read_body(record: Record, data: bytes, start: int) -> Body:
        place, start = _place(record, data, start)
        kind = kinds.get(place) or kind_at(record, place)
        try:
            return Body(kind.name, kind.values(kind.parse(data[start:])))
        except Exception as cause:  # whatever is raised here is about the bytes
            raise refused(record, f"{kind.name} of {schema.title}: {_why(cause)}") from cause

    return read_body


def _message(file: FileDescriptor, place: tuple[int, ...]) -> Descriptor | None:
    """The message at the first index in the file, within it the one at the second, and so on."""
    found: Descriptor | None = None
    here = list(file.message_types_by_name.values())
    for index in place:
        if not 0 <= index < len(here):
            return None
        found = here[index]
        here = list(found.nested_types)
    return found


def _place(record: Record, data: bytes, start: int) -> tuple[tuple[int, ...], int]:
    """The place of the message in its file, and where the message begins."""
    if data[start : start + 1] == _FIRST:
        return (0,), start + 1
    count, at = _number(record, data, start)
    if not 0 <= count <= _DEEPEST:
        raise refused(record, "its list of message indexes has no possible length")
    place = []
    for _ in range(count):
        index, at = _number(record, data, at)
        place.append(index)
    return tuple(place) or (0,), at


def _number(record: Record, data: bytes, at: int) -> tuple[int, int]:
    """A number as Protobuf's `sint64` is written, and where it ends."""
    folded = 0
    for shift, byte in enumerate(data[at : at + 10]):
        folded |= (byte & ~_MORE) << 7 * shift
        if not byte & _MORE:
            return (folded >> 1) ^ -(folded & 1), at + shift + 1
    raise refused(record, "its message indexes have no end")


def _why(cause: Exception) -> str:
    """Never the words of others: they may quote the bytes."""
    if isinstance(cause, Inadmissible):
        return str(cause)
    if isinstance(cause, DecodeError):
        return "the bytes are no such message, or are nested too deep"
    return f"the bytes are no such message ({type(cause).__name__})"
