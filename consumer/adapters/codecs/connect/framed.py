"""Keys and values that a schema registry's serializer wrote."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from consumer.adapters.codecs.registry.body import Body
from consumer.model.record import Record

S = TypeVar("S")


class Bodies(Protocol):
    """Decodes what is framed."""

    def value(self, record: Record) -> Body:
        """The record's value; raises `Undecodable`, and `Transient` where the registry cannot be asked."""

    def key(self, record: Record) -> Body:
        """The record's key, as `value`."""


def is_framed(data: bytes) -> bool:
    """Whether the bytes can be no JSON."""
    return data[:1] == b"\0"


class Schemas(Generic[S]):
    """Avro schemas as they are known to `Bodies`, which has one object of each, and what `read` makes of them."""

    def __init__(self, read: Callable[[Any], S]) -> None:
        self._read = read
        #: By the schema's identity, which is its own for as long as it is kept here.
        self._known: dict[int, tuple[Any, S]] = {}

    def of(self, body: Body) -> S:
        """What was made, once, of the schema of the body."""
        known = self._known.get(id(body.schema))
        if known is None:
            known = self._known[id(body.schema)] = body.schema, self._read(body.schema)
        return known[1]
