"""What Debezium's outbox event router writes: events that a service put into a table of its database."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec
from msgspec import Raw, ValidationError

from consumer.adapters.codecs.connect.envelopes import BEGINNING, Envelopes
from consumer.adapters.codecs.connect.framed import Bodies, Framed, Schemas
from consumer.adapters.codecs.connect.keys import Keys
from consumer.adapters.codecs.connect.schemas import converted, way_of_avro, way_of_json
from consumer.adapters.codecs.metadata import Metadata
from consumer.adapters.codecs.places import Place, opened, within
from consumer.adapters.codecs.reading import (
    MAX_BYTES,
    as_text,
    check,
    header_values,
    refused,
    tombstone,
    version_at,
)
from consumer.adapters.codecs.times import time_at
from consumer.errors import Misconfigured
from consumer.model.event import BAD_BYTES, Event, reason
from consumer.model.record import Record

_any = msgspec.json.Decoder().decode


class Outbox:
    """Decodes what `io.debezium.transforms.outbox.EventRouter` writes, given the places of its columns.

    A place is `header:NAME`, `field:NAME` (`field:OUTER.INNER` where it is nested; for what the router puts
    into the envelope), `key`, or `const:VALUE`. Without one, the id is the header `id`, the type the header
    `eventType`, the version the header `eventVersion` (1 without it), the aggregate id the key, the time the
    record's, and the data the whole value. An id, type or aggregate id that is not there is `Undecodable`.

    The value is JSON, or text that holds a JSON object or array, each with schema and without, or framed Avro
    through `bodies`. JSON stays `msgspec.Raw`, also at a place, where no schema makes anything else of it; other
    text is text.
    The metadata holds the headers. A value of None is an event without data, of the type that its header says.
    """

    def __init__(
        self,
        *,
        type: str = "header:eventType",
        id: str = "header:id",
        aggregate_id: str = "key",
        version: str = "header:eventVersion",
        time: str | None = None,
        data: str | None = None,
        bodies: Bodies | None = None,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._type = Place.parse(type)
        self._id = Place.parse(id)
        self._aggregate_id = Place.parse(aggregate_id)
        self._version = Place.parse(version)
        self._time = Place.parse(time) if time else None
        self._data = Place.parse(data) if data else None
        if self._data and self._data.kind != "field":
            raise Misconfigured(f"{data!r} is no place for data: write field:NAME, or leave it out")
        places = (self._type, self._id, self._aggregate_id, self._version, self._time, self._data)
        self._has_fields = any(place is not None and place.kind == "field" for place in places)
        self._framed = Framed(bodies)
        self._keys = Keys(bodies)
        self._envelopes = Envelopes(way_of_json)
        self._schemas = Schemas(way_of_avro)
        self._max_bytes = max_bytes

    def decode(self, record: Record) -> Event:
        """The event; `Undecodable` if the record holds none, and `Transient` where the registry is away."""
        value = record.value
        check(record, value, self._max_bytes)
        try:
            data = None if value is None else self._data_in(record, value)
            if value is None and self._at(self._type, record, None) is None:
                return tombstone(record, {"aggregate_id": self._keys.aggregate_id(record)})
            fields = opened(record, data) if self._has_fields else None
            return Event(
                id=self._text("id", self._id, record, fields),
                type=self._text("type", self._type, record, fields),
                aggregate_id=self._keys.aggregate_id(record)
                if self._aggregate_id.kind == "key"
                else self._text("aggregate id", self._aggregate_id, record, fields),
                partition=record.partition,
                offset=record.offset,
                data=_of_place(within(record, fields, self._data.names)) if self._data else data,
                version=version_at(record, self._at(self._version, record, fields)),
                time=time_at(record, self._at(self._time, record, fields)),
                key=record.key,
                metadata=Metadata(header_values, record),
            )
        except BAD_BYTES as cause:
            raise refused(record, f"no event of an outbox: {reason(cause)}") from cause

    def _data_in(self, record: Record, value: bytes) -> Any:
        body = self._framed.value(record, value)
        if body is not None:
            return _held(converted(self._schemas.of(body), body.data))
        if value.startswith(BEGINNING):
            with suppress(ValidationError):  # else it is data whose first member is called so
                payload, way = self._envelopes.opened(record.partition.topic, value)
                if way is None:
                    return _of_json(bytes(payload))
                return _held(converted(way, _any(payload)))
        return _of_json(value)

    def _text(self, name: str, place: Place, record: Record, fields: Any) -> str:
        found = as_text(self._at(place, record, fields))
        if not found:
            raise refused(record, f"no {name} at {place}")
        return found

    def _at(self, place: Place | None, record: Record, fields: Any) -> Any:
        if place is None:
            return None
        if place.kind == "key":
            return self._keys.aggregate_id(record)
        if place.kind != "field":
            return place.read(record, None)
        found = opened(record, within(record, fields, place.names))
        if isinstance(found, dict | list | bytes):
            raise refused(record, f"what stands at {place} is neither text nor a number")
        return found


def _of_place(data: Any) -> Any:
    return _of_json(bytes(data)) if isinstance(data, Raw) else _held(data)


def _of_json(written: bytes) -> Any:
    if written[:1] == b'"':
        return _held(_any(written))
    return None if written == b"null" else Raw(written)


def _held(data: Any) -> Any:
    """What text holds, if that may be JSON: so it is kept in a column, and sent on."""
    return Raw(data.encode()) if isinstance(data, str) and data[:1] in {"{", "["} else data
