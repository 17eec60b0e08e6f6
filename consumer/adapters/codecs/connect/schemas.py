"""From a schema, of Connect or of Avro, to what makes Python's values of what is written by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from consumer.adapters.codecs.connect.values import (
    OUT_OF_RANGE,
    Way,
    from_base64,
    number,
    way_of_name,
)

#: Of JSON alone: Avro has bytes, and every float.
_AS_JSON: Mapping[str, Way] = {"bytes": from_base64, "float": number, "double": number}


def way_of_json(schema: Any) -> Way | None:
    """The way of JSON that Connect wrote by this schema of its own; None where all is what it should be."""
    match schema:
        case {"type": "struct"}:
            return _meant(schema) or _struct(fields_of_json(schema))
        case {"type": "array"}:
            return _array(way_of_json(schema.get("items")))
        case {"type": "map"}:
            return _map(way_of_json(schema.get("values")))
        case {"type": str(kind)}:
            return _both(_AS_JSON.get(kind), _meant(schema))
    return None


def fields_of_json(schema: Any) -> Mapping[str, Way | None]:
    """Of a struct the way of each field."""
    return {str(each.get("field")): way_of_json(each) for each in _objects(schema, "fields")}


def way_of_avro(schema: Any) -> Way | None:
    """The way of values that were decoded by this schema, which one of Connect's converters made."""
    return _avro(schema, {})


def fields_of_avro(schema: Any) -> Mapping[str, Way | None]:
    """Of a record the way of each field."""
    return _avro_fields(schema, {})


def _avro_fields(schema: Any, named: dict[str, Way]) -> Mapping[str, Way | None]:
    return {
        str(each.get("name")): _avro(each.get("type"), named) for each in _objects(schema, "fields")
    }


def _avro(schema: Any, named: dict[str, Way]) -> Way | None:  # noqa: PLR0911 - one for each kind of type
    match schema:
        case str():
            return named.get(schema)
        case [*branches]:
            ways = [_avro(branch, named) for branch in branches if branch != "null"]
            return ways[0] if len(ways) == 1 else None
        case {"logicalType": _}:  # whoever decoded the value knew what it means
            return None
        case {"type": "record"}:
            # A type within itself, which no table has, stays as it is: it is not named yet.
            way = _meant(schema, "connect.") or _struct(_avro_fields(schema, named))
            if way is not None:
                named[str(schema.get("name"))] = way
            return way
        case {"type": "array"}:
            return _array(_avro(schema.get("items"), named))
        case {"type": "map"}:
            return _map(_avro(schema.get("values"), named))
        case {"type": str()}:
            return _meant(schema, "connect.")
        case {"type": inner}:
            return _avro(inner, named)
    return None


def converted(way: Way | None, value: Any) -> Any:
    """The value by its way; as it is written where Python has no such value, as for the date `infinity`.

    Who declares a type for it is told that it is of another, and where; nobody else has to care.
    """
    try:
        return value if value is None or way is None else way(value)
    except OUT_OF_RANGE:
        return value


def _meant(schema: Mapping[str, Any], prefix: str = "") -> Way | None:
    parameters = schema.get(f"{prefix}parameters")
    return way_of_name(
        schema.get(f"{prefix}name"), parameters if isinstance(parameters, Mapping) else {}
    )


def _objects(schema: Any, name: str) -> Sequence[Mapping[str, Any]]:
    found = schema.get(name) if isinstance(schema, Mapping) else None
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def _both(first: Way | None, then: Way | None) -> Way | None:
    if first is None or then is None:
        return first or then
    return lambda value: then(first(value))


def _struct(fields: Mapping[str, Way | None]) -> Way | None:
    ways = [(name, way) for name, way in fields.items() if way is not None]
    if not ways:
        return None

    def way_of_struct(value: dict[str, Any]) -> dict[str, Any]:
        for name, way in ways:
            written = value.get(name)
            if written is not None:
                try:
                    value[name] = way(written)
                except OUT_OF_RANGE:
                    continue  # as in `converted`: a call less for each field
        return value

    return way_of_struct


def _array(way: Way | None) -> Way | None:
    return way and (lambda value: [converted(way, each) for each in value])


def _map(way: Way | None) -> Way | None:
    return way and (lambda value: {name: converted(way, each) for name, each in value.items()})
