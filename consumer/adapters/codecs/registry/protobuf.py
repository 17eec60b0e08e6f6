"""Protobuf: what its bytes hold, by the file that they were written with and the place of their message in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from consumer.adapters.codecs.reading import refused
from consumer.adapters.codecs.registry.body import Body, Read
from consumer.adapters.codecs.registry.protobuf_known import Inadmissible
from consumer.adapters.codecs.registry.protobuf_places import Place, message_at, place_of_message
from consumer.adapters.codecs.registry.protobuf_schemas import compiled
from consumer.adapters.codecs.registry.protobuf_values import Values
from consumer.adapters.codecs.registry.registered import Registered
from consumer.model.record import Record


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
    names = {name: place for place, name in enumerate(file.message_types_by_name)}
    values = Values()
    kinds: dict[Place, _Kind] = {}

    def kind_at(record: Record, place: Place) -> _Kind:
        message = message_at(file, place)
        if message is None:
            raise refused(record, f"{schema.title} has no message at the index before the bytes")
        name = message.full_name
        try:
            kind = _Kind(name, GetMessageClass(message).FromString, values.of(message))
        except Exception as cause:  # what the library does not take, such as a chain of 500 types
            why = f"{name} of {schema.title} cannot be read ({type(cause).__name__})"
            raise refused(record, why) from cause
        return kinds.setdefault(place, kind)

    def read_body(record: Record, data: bytes, start: int) -> Body:
        place, start = place_of_message(record, data, start, names)
        kind = kinds.get(place) or kind_at(record, place)
        try:
            return Body(kind.name, kind.values(kind.parse(data[start:])))
        except Exception as cause:  # whatever is raised here is about the bytes
            raise refused(record, f"{kind.name} of {schema.title}: {_why(cause)}") from cause

    return read_body


def _why(cause: Exception) -> str:
    """Never the words of others: they may quote the bytes."""
    if isinstance(cause, Inadmissible):
        return str(cause)
    if isinstance(cause, DecodeError):
        return "the bytes are no such message, or are nested too deep"
    return f"the bytes are no such message ({type(cause).__name__})"
