"""JSON without an envelope of events: topics that others write."""

from __future__ import annotations

from typing import Any

from msgspec import Raw

from consumer.adapters.codecs.metadata import Metadata
from consumer.adapters.codecs.places import Fields, Place, Scalar, inner
from consumer.adapters.codecs.reading import (
    MAX_BYTES,
    aggregate_of_key,
    check,
    header_values,
    place_of,
    refused,
    tombstone,
    whole,
)
from consumer.adapters.codecs.times import instant
from consumer.errors import Misconfigured
from consumer.model.event import BAD_BYTES, Event, reason
from consumer.model.record import Record


class Json:
    """Decodes any JSON, given the places where the attributes of an event stand.

    A place is `header:NAME`, `field:NAME` (`field:OUTER.INNER` where it is nested, `field:NAME.0` for
    the first in an array), `key`, or `const:VALUE`. Without one, the id is the record's partition and offset, the aggregate id the key
    ("" without a key), the version 1, the time the broker's, and the data the whole value. Data can
    have a field only. An id, type or aggregate id that is not at its place is `Undecodable`; a
    version, time or data that is not there is as without a place, or None.

    A time is ISO 8601 (UTC where it has no zone), or a number of seconds or milliseconds since 1970.
    The metadata holds the headers, text where they are UTF-8, else bytes. A value of None is an event
    of type "tombstone" whose aggregate id is the key, but for what places that are headers say.

    Of members that an object repeats the last wins; a header that is a place must not be repeated.
    """

    def __init__(
        self,
        *,
        type: str,
        id: str | None = None,
        aggregate_id: str | None = None,
        version: str | None = None,
        time: str | None = None,
        data: str | None = None,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._type = Place.parse(type)
        self._id = Place.parse(id) if id else None
        self._aggregate_id = Place.parse(aggregate_id) if aggregate_id else None
        self._version = Place.parse(version) if version else None
        self._time = Place.parse(time) if time else None
        self._data = Place.parse(data).path if data else ()
        if data and not self._data:
            raise Misconfigured(f"{data!r} is no place for data: write field:NAME, or leave it out")
        self._max_bytes = max_bytes
        places = (self._type, self._id, self._aggregate_id, self._version, self._time)
        paths = [place.path for place in places if place and place.path]
        self._fields = Fields(paths, Scalar) if paths else None
        self._data_field = Fields([self._data], Raw) if self._data else None

    def decode(self, record: Record) -> Event:
        """The event; `Undecodable` if the record holds none, and nothing else is raised."""
        value = record.value
        check(record, value, self._max_bytes)
        if value is None:
            return self._tombstone(record)
        try:
            fields = self._fields.decode(value) if self._fields else None
            data = self._data_in(value)
        except BAD_BYTES as cause:
            raise refused(record, f"no event in the fields: {reason(cause)}") from cause
        version = self._version.read(record, fields) if self._version else None
        time = self._time.read(record, fields) if self._time else None
        aggregate_id = self._aggregate_id
        return Event(
            id=_text(record, "id", self._id, fields) if self._id else place_of(record),
            type=_text(record, "type", self._type, fields),
            aggregate_id=_text(record, "aggregate id", aggregate_id, fields)
            if aggregate_id
            else aggregate_of_key(record),
            partition=record.partition,
            offset=record.offset,
            data=data,
            version=_version(record, version),
            time=record.time if time is None else instant(record, time),
            key=record.key,
            metadata=Metadata(header_values, record),
        )

    def _data_in(self, value: bytes) -> Raw | None:
        if self._data_field is None:
            return Raw(value)
        data: Raw | None = inner(self._data_field.decode(value), self._data)
        return None if data is None or bytes(data) == b"null" else data

    def _tombstone(self, record: Record) -> Event:
        places = {"type": self._type, "id": self._id, "aggregate_id": self._aggregate_id}
        return tombstone(
            record,
            {
                name: str(place.read(record, None) or "")
                for name, place in places.items()
                if place and place.kind == "header"
            },
        )


def _text(record: Record, name: str, place: Place, fields: Any) -> str:
    value = place.read(record, fields)
    if value is None or value == "":
        raise refused(record, f"no {name} at {place}")
    return str(value)


def _version(record: Record, value: Scalar) -> int:
    version = 1 if value is None else whole(value)
    if version is None or version < 0:
        raise refused(record, "the version is not a whole number")
    return version
