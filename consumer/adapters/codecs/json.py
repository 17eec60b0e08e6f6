"""JSON without an envelope of events: topics that others write."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from msgspec import Raw

from consumer.adapters.codecs.metadata import Metadata
from consumer.adapters.codecs.places import (
    Fields,
    Path,
    Place,
    Scalar,
    inner,
    unless_null,
)
from consumer.adapters.codecs.reading import (
    MAX_BYTES,
    aggregate_of_key,
    check,
    clue,
    header_values,
    place_of,
    refused,
    tombstone,
    version_at,
)
from consumer.adapters.codecs.times import instant, time_at
from consumer.adapters.codecs.typed_fields import typed_fields
from consumer.errors import Misconfigured
from consumer.model.event import BAD_BYTES, Event, reason
from consumer.model.record import Record


class Json:
    """Decodes any JSON, given the places where the attributes of an event stand.

    A place is `header:NAME`, `field:NAME` (`field:OUTER.INNER` where it is nested, `field:NAME.0` for the
    first in an array), `key`, or `const:VALUE`. Without one, the id is the record's partition and offset,
    the aggregate id the key ("" without a key), the version 1, the time the broker's, and the data the
    whole value. Data can have a field only. An id, type or aggregate id that is not at its place is
    `Undecodable`; a version, time or data that is not there is as without a place, or None.

    A time is ISO 8601 (UTC where it has no zone), or a number since 1970: of seconds, or by its size
    of milliseconds or microseconds.
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
        others = {"id": id, "aggregate_id": aggregate_id, "version": version, "time": time}
        places = {"type": Place.parse(type)} | {
            name: Place.parse(place) for name, place in others.items() if place
        }
        self._places = places
        self._id = _text("id", places["id"]) if id else lambda record, _: place_of(record)
        self._type = _text("type", places["type"])
        self._aggregate_id = (
            _text("aggregate id", places["aggregate_id"])
            if aggregate_id
            else lambda record, _: aggregate_of_key(record)
        )
        self._version = _version(places["version"]) if version else lambda _, __: 1
        self._time = _time(places["time"]) if time else lambda record, _: record.time
        fields: dict[Path, Any] = {place.path: Scalar for place in places.values() if place.path}
        self._data = _data(data, fields)
        self._fields = Fields(fields).decode if fields else lambda _: None
        self._typed = typed_fields(places | ({"data": Place.parse(data)} if data else {}))
        self._is_whole = data is None
        self._max_bytes = max_bytes

    def decode(self, record: Record) -> Event:
        """The event; `Undecodable` if the record holds none, and nothing else is raised."""
        value = record.value
        if value is None or record.fault is not None or len(value) > self._max_bytes:
            check(record, value, self._max_bytes)
        if value is None:
            return self._tombstone(record)
        if self._typed is None:
            return self._by_place(record, value)
        try:  # the hot path
            fields = self._typed(value)
        except BAD_BYTES:  # it may be an event nevertheless
            return self._by_place(record, value)
        id, said, version, time = fields.id, fields.aggregate_id, fields.version, fields.time
        return Event(  # by position, and without a call more than it takes: each would cost a twentieth
            place_of(record) if id is None else str(id),
            fields.type,
            aggregate_of_key(record) if said is None else str(said),
            record.partition,
            record.offset,
            Raw(value) if self._is_whole else unless_null(fields.data),
            version if type(version) is int else version_at(record, version),
            None,
            time if type(time) is datetime and time.tzinfo else time_at(record, time),
            record.key,
            Metadata(header_values, record),
        )

    def _by_place(self, record: Record, value: bytes) -> Event:
        """Place by place, each value converted where it can be."""
        try:
            fields = self._fields(value)
            data = self._data(value, fields)
        except BAD_BYTES as cause:
            raise refused(
                record, f"no event in the fields: {reason(cause)}{clue(value)}"
            ) from cause
        return Event(
            self._id(record, fields),
            self._type(record, fields),
            self._aggregate_id(record, fields),
            record.partition,
            record.offset,
            data,
            self._version(record, fields),
            None,
            self._time(record, fields),
            record.key,
            Metadata(header_values, record),
        )

    def _tombstone(self, record: Record) -> Event:
        return tombstone(
            record,
            {
                name: str(place.read(record, None) or "")
                for name, place in self._places.items()
                if place.kind == "header" and name in {"type", "id", "aggregate_id"}
            },
        )


# Each makes what reads an attribute of a record and its fields: all is decided once, as that is a hot path.


def _text(name: str, place: Place) -> Callable[[Record, Any], str]:
    read = place.reading()

    def at_its_place(record: Record, fields: Any) -> str:
        value = read(record, fields)
        if value is None or value == "":
            raise refused(record, f"no {name} at {place}")
        return str(value)

    return at_its_place


def _version(place: Place) -> Callable[[Record, Any], int]:
    read = place.reading()

    def at_its_place(record: Record, fields: Any) -> int:
        return version_at(record, read(record, fields))

    return at_its_place


def _time(place: Place) -> Callable[[Record, Any], datetime | None]:
    read = place.reading()

    def at_its_place(record: Record, fields: Any) -> datetime | None:
        value = read(record, fields)
        return record.time if value is None else instant(record, value)

    return at_its_place


def _data(written: str | None, fields: dict[Path, Any]) -> Callable[[bytes, Any], Raw | None]:
    """Reads the data of a value and its fields, to which it adds its own where it can: then one pass does both."""
    if written is None:
        return lambda value, _: Raw(value)
    path = Place.parse(written).path
    if not path:
        raise Misconfigured(f"{written!r} is no place for data: write field:NAME, or leave it out")
    if any(path[: len(each)] == each[: len(path)] for each in fields):
        alone = Fields({path: Raw}).decode
        return lambda value, _: unless_null(inner(alone(value), path))
    fields[path] = Raw
    return lambda _, fields: unless_null(inner(fields, path))
