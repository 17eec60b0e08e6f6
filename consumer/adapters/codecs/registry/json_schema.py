"""JSON Schema: JSON behind the id of the schema that its writer held it to."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from consumer.adapters.codecs.registry.body import Body, Read
from consumer.adapters.codecs.registry.registered import Registered, Unreadable
from consumer.model.event import BAD_BYTES, reason
from consumer.model.record import Record


class _Schema(msgspec.Struct, frozen=True, gc=False):
    title: Any = None
    id: Any = msgspec.field(default=None, name="$id")


_schema = msgspec.json.Decoder(_Schema | bool).decode


def reader(schema: Registered) -> Read:
    """What takes values of this schema: JSON that stays as it is, `msgspec.Raw`, until somebody decodes it.

    Nobody holds it to its schema again: a typed decode asks for what a projector needs, and more
    precisely. Raises `Unreadable`.
    """
    name = _name(schema)

    def read_body(record: Record, data: bytes, start: int) -> Body:
        return Body(name, msgspec.Raw(data[start:]))

    return read_body


def _name(schema: Registered) -> str:
    """The title, else how the schema's address ends, as in `order` of `https://example.com/order.schema.json`."""
    try:
        told = _schema(schema.text)
    except BAD_BYTES as cause:
        raise Unreadable(f"it is no JSON Schema: {reason(cause)}") from cause
    if isinstance(told, bool):
        return ""
    if isinstance(told.title, str) and told.title:
        return told.title
    address = told.id.partition("#")[0] if isinstance(told.id, str) else ""
    last = re.split("[/:]", address)[-1]
    return last.removesuffix(".json").removesuffix(".schema")
