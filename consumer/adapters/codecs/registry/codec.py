"""The codec for topics whose producers use a schema registry."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from consumer.adapters.codecs.metadata import Metadata
from consumer.adapters.codecs.places import opened
from consumer.adapters.codecs.reading import (
    MAX_BYTES,
    as_text,
    check,
    header_values,
    place_of,
    refused,
    tombstone,
    version_at,
)
from consumer.adapters.codecs.registry.bodies import Bodies
from consumer.adapters.codecs.registry.body import Body
from consumer.adapters.codecs.registry.places import (
    Looks,
    is_of_value,
    key_text,
    looks,
    looks_for_data,
)
from consumer.adapters.codecs.times import time_at
from consumer.model.event import Event
from consumer.model.record import Record

_NO_HEADERS: Mapping[str, Any] = MappingProxyType({})


class SchemaRegistry:
    """Decodes Avro, Protobuf and JSON Schema by the schema that each record names.

    The data are plain Python values, of JSON Schema `msgspec.Raw`, also at a place. Without places the type is
    the schema's full name, the id the record's partition and offset, the aggregate id the key, the version 1, the
    time the broker's, and the data the whole value. A place is `field:NAME` (`field:OUTER.INNER` where it is
    nested), `key`, `key:NAME` where the key has a schema too, `header:NAME` or `const:VALUE`; data can have a field
    only. An id, type or aggregate id that is not at its place is `Undecodable`; a version, time or data that
    is not there is as without a place, or None.

    The key is text, or what its schema says: one value, or a record of one field. The metadata holds the
    headers. A value of None is an event of type "tombstone", but for what places outside of the value say.
    """

    def __init__(
        self,
        bodies: Bodies,
        *,
        type: str | None = None,
        id: str | None = None,
        aggregate_id: str | None = None,
        version: str | None = None,
        time: str | None = None,
        data: str | None = None,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        written = {
            "type": type,
            "id": id,
            "aggregate_id": aggregate_id,
            "version": version,
            "time": time,
        }
        places = {name: looks(place, bodies) for name, place in written.items() if place}
        self._bodies = bodies
        self._type, self._id = places.get("type"), places.get("id")
        self._aggregate_id = places.get("aggregate_id")
        self._version, self._time = places.get("version"), places.get("time")
        self._data = looks_for_data(data) if data else None
        self._is_bare = not places and not data
        self._looks_inside = any(is_of_value(place or "") for place in (*written.values(), data))
        self._of_tombstones = {"aggregate_id": looks("key", bodies)} | {
            name: places[name]
            for name in ("type", "id", "aggregate_id")
            if name in places and not is_of_value(written[name] or "")
        }
        self._max_bytes = max_bytes

    def decode(self, record: Record) -> Event:
        """The event; `Undecodable` if the record holds none, `Transient` where the registry cannot be asked."""
        value = record.value
        if value is None or record.fault is not None or len(value) > self._max_bytes:
            check(record, value, self._max_bytes)
        if value is None:
            return self._tombstone(record)
        body = self._bodies.value(record)
        if (
            self._is_bare
        ):  # the hot path: what is asked for each attribute below is a tenth of its time
            return Event(
                place_of(record),
                body.name or _name(record, body),
                "" if record.key is None else key_text(record, self._bodies) or "",
                record.partition,
                record.offset,
                body.data,
                1,
                None,
                record.time,
                record.key,
                Metadata(header_values, record) if record.headers else _NO_HEADERS,
            )
        inside = opened(record, body.data) if self._looks_inside else None
        return Event(
            _text(record, "id", self._id, inside) if self._id else place_of(record),
            _text(record, "type", self._type, inside) if self._type else _name(record, body),
            _text(record, "aggregate id", self._aggregate_id, inside)
            if self._aggregate_id
            else key_text(record, self._bodies) or "",
            record.partition,
            record.offset,
            self._data(record, inside) if self._data else body.data,
            version_at(record, self._version(record, inside)) if self._version else 1,
            time=time_at(record, self._time(record, inside)) if self._time else record.time,
            key=record.key,
            metadata=Metadata(header_values, record),
        )

    def _tombstone(self, record: Record) -> Event:
        looks = self._of_tombstones.items()
        return tombstone(record, {name: as_text(look(record, None)) or "" for name, look in looks})


def _name(record: Record, body: Body) -> str:
    if not body.name:
        raise refused(record, "its schema has no name: say where the type is, as in type: const:x")
    return body.name


def _text(record: Record, name: str, look: Looks, inside: Any) -> str:
    said = as_text(look(record, inside))
    if not said:
        raise refused(record, f"no {name} where the settings look for it")
    return said
