"""Keys and values that a schema registry's serializer wrote."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from consumer.adapters.codecs.reading import refused
from consumer.adapters.codecs.registry.body import Body
from consumer.adapters.codecs.registry.framing import KEY_HEADER, VALUE_HEADER, is_framed
from consumer.model.record import Record

S = TypeVar("S")


class Bodies(Protocol):
    """Decodes what is framed."""

    def value(self, record: Record) -> Body:
        """The record's value; raises `Undecodable`, and `Transient` where the registry cannot be asked."""

    def key(self, record: Record) -> Body:
        """The record's key, as `value`."""


class Framed:
    """Tells what is framed from what is JSON or text."""

    def __init__(self, bodies: Bodies | None) -> None:
        self._bodies = bodies
        #: Whether what looks like JSON is not: an id may stand in a header.
        self.may_be_in_headers = bodies is not None

    def value(self, record: Record, value: bytes) -> Body | None:
        """The value, if it is framed; raises as `Bodies.value`, and `Undecodable` where there is no registry."""
        if not _is_framed(record, value, VALUE_HEADER):
            return None
        return self._known(record, "value").value(record)

    def key(self, record: Record, key: bytes) -> Body | None:
        """The key, as `value`."""
        if not _is_framed(record, key, KEY_HEADER):
            return None
        return self._known(record, "key").key(record)

    def _known(self, record: Record, what: str) -> Bodies:
        if self._bodies is None:
            raise refused(
                record,
                f"the {what} names a schema of a registry, and the source has none: name it there, under "
                "kafka.schema_registry",
            )
        return self._bodies


def _is_framed(record: Record, data: bytes, header: str) -> bool:
    if is_framed(data):
        return True
    headers = record.headers
    return bool(headers) and any(name == header for name, _ in headers)


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
