"""Where an event's attributes stand in decoded keys and values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from consumer.adapters.codecs.places import Place, opened, within
from consumer.adapters.codecs.reading import as_text, refused, text
from consumer.adapters.codecs.registry.bodies import Bodies
from consumer.adapters.codecs.registry.framing import KEY_HEADER
from consumer.errors import Misconfigured
from consumer.model.record import Record

#: Reads what stands at a place, None for nothing; it is given the value as `opened` makes it.
Looks = Callable[[Record, Any], Any]


def is_of_value(written: str) -> bool:
    """Whether the place is in the record's value."""
    return written.startswith("field:")


def looks(written: str, bodies: Bodies) -> Looks:
    """What reads the place: `field:NAME.NAME`, `key:NAME.NAME`, `key`, `header:NAME` or `const:VALUE`.

    Raises `Misconfigured` if it is no place.
    """
    kind, _, name = written.partition(":")
    path = name.split(".")
    if kind == "key" and not name:
        return lambda record, _: key_text(record, bodies)
    if kind in {"field", "key"} and all(path):
        if kind == "field":
            return lambda record, value: opened(record, within(record, value, path))
        return lambda record, _: opened(record, within(record, bodies.key(record).data, path))
    if kind in {"header", "const"} and name:
        place = Place.parse(written)
        return lambda record, _: place.read(record, None)
    raise Misconfigured(
        f"{written!r} is no place in a record: write field:NAME (field:OUTER.INNER where it is nested), key, "
        "key:NAME where the key has a schema, header:NAME, or const:VALUE"
    )


def looks_for_data(written: str) -> Looks:
    """What reads the data at `field:NAME.NAME`, of JSON as the JSON that they are.

    Raises `Misconfigured` if it is no place for them.
    """
    path = written.removeprefix("field:").split(".")
    if not (is_of_value(written) and all(path)):
        raise Misconfigured(f"{written!r} is no place for data: write field:NAME, or leave it out")
    return lambda record, value: within(record, value, path)


def key_text(record: Record, bodies: Bodies) -> str | None:
    """The key as text, by its schema if it has one: then of a record of one field that field."""
    key = record.key
    if key is None:
        return None
    if not (Bodies.is_framed(key) or any(name == KEY_HEADER for name, _ in record.headers)):
        return text(record, "key", key)
    value = opened(record, bodies.key(record).data)
    if isinstance(value, dict) and len(value) == 1:
        (field,) = value.values()
        value = opened(record, field)
    said = as_text(value)
    if said is None:
        raise refused(
            record,
            "the key is more than one value: say which is meant, as in aggregate_id: key:NAME",
        )
    return said
