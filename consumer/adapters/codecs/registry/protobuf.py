"""Protobuf: what its bytes hold, by the file that they were written with and the place of their message in it."""

from __future__ import annotations

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from consumer.adapters.codecs.reading import refused
from consumer.adapters.codecs.registry.body import Body, Read
from consumer.adapters.codecs.registry.protobuf_known import Inadmissible
from consumer.adapters.codecs.registry.protobuf_places import (
    FIRST,
    FIRST_PLACE,
    Place,
    message_at,
    place_of_message,
)
from consumer.adapters.codecs.registry.protobuf_schemas import compiled
from consumer.adapters.codecs.registry.protobuf_shapes import MOST, shapes_of, values_in
from consumer.adapters.codecs.registry.protobuf_values import Values
from consumer.adapters.codecs.registry.registered import Registered
from consumer.model.record import Record


def reader(schema: Registered) -> Read:
    """What reads messages of this schema's file.

    Raises `Unreadable`, and `Transient` where the compiler could not be run.
    """
    file = compiled(schema)
    names = {name: place for place, name in enumerate(file.message_types_by_name)}
    values = Values()
    reads: dict[Place, Read] = {}

    def read_first(record: Record, place: Place) -> Read:
        message = message_at(file, place)
        if message is None:
            raise refused(record, f"{schema.title} has no message at the index before the bytes")
        title = f"{message.full_name} of {schema.title}"
        try:
            return reads.setdefault(place, _read(title, message, values))
        except Exception as cause:  # what the library does not take, such as a chain of 500 types
            raise refused(record, f"{title} cannot be read ({type(cause).__name__})") from cause

    def read_body(record: Record, data: bytes, start: int) -> Body:
        if data[start : start + 1] == FIRST:  # the hot path, without a call
            place, start = FIRST_PLACE, start + 1
        else:
            place, start = place_of_message(record, data, start, names)
        read = reads.get(place) or read_first(record, place)
        return read(record, data, start)

    return read_body


def _read(title: str, kind: Descriptor, values: Values) -> Read:
    """What reads a message of this kind."""
    name, parse, values_of = kind.full_name, GetMessageClass(kind).FromString, values.of(kind)
    shape, widest = shapes_of(kind)
    harmless = 2 * MOST // max(1, widest)

    def read_message(record: Record, data: bytes, start: int) -> Body:
        # Before anything is made of it; a message takes two bytes, so few bytes are not looked into.
        if len(data) - start > harmless and values_in(data, start, shape) > MOST:
            raise refused(record, f"{title}: it stands for more than {MOST:,} values")
        try:
            return Body(name, values_of(parse(data[start:])))
        except Exception as cause:  # whatever is raised here is about the bytes
            raise refused(record, f"{title}: {_why(cause)}") from cause

    return read_message


def _why(cause: Exception) -> str:
    """Never the words of others: they may quote the bytes."""
    if isinstance(cause, Inadmissible):
        return str(cause)
    if isinstance(cause, DecodeError):
        return "the bytes are no such message, or are nested too deep"
    return f"the bytes are no such message ({type(cause).__name__})"
