"""Parsed Avro schemas in which no branch of a union, and no symbol of an enum, is found by a number that it has not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from consumer.adapters.codecs.registry.avro_walk import RECORDS

#: What the types that hold one other call it.
_PARTS = {"array": "items", "map": "values"}


def counted(record: Mapping[str, Any]) -> dict[str, Any]:
    """The parsed record for fastavro to read by; it must not meet a reader's schema.

    fastavro takes branches and symbols out of lists, and Python's lists have an item for a number below zero. So each
    list becomes a mapping by number: a number that is not in it raises `KeyError`, as fast as a list finds an item.
    """
    return _counted_with_names(record, without=None)


def bare(record: Mapping[str, Any]) -> dict[str, Any]:
    """The same without logical types: by it all bytes are read, and none refused because Python has no such value."""
    return _counted_with_names(record, without="logicalType")


def _counted_with_names(record: Mapping[str, Any], without: str | None) -> dict[str, Any]:
    """With the mark of what is parsed, by which fastavro takes the record, and the types it names, as they are."""
    names = record["__named_schemas"]
    done: dict[
        int, Any
    ] = {}  # by the identity of types, which are the same under their names and where they stand
    return {
        **_counted(record, without, done),
        "__named_schemas": {name: _counted(names[name], without, done) for name in names},
    }


def _counted(schema: Any, without: str | None, done: dict[int, Any]) -> Any:
    if isinstance(schema, list):
        return {"type": "union", **_by_number([_counted(each, without, done) for each in schema])}
    if not isinstance(schema, dict):
        return schema
    if id(schema) in done:
        return done[id(schema)]
    made = done[id(schema)] = {name: value for name, value in schema.items() if name != without}
    part = _PARTS.get(made["type"])
    if part is not None:
        made[part] = _counted(made[part], without, done)
    elif made["type"] == "enum":
        made["symbols"] = _by_number(made["symbols"])
    elif made["type"] in RECORDS:
        made["fields"] = [_counted_field(each, without, done) for each in made["fields"]]
    return made


def _counted_field(
    field: Mapping[str, Any], without: str | None, done: dict[int, Any]
) -> dict[str, Any]:
    return {**field, "type": _counted(field["type"], without, done)}


def _by_number(items: list[Any]) -> dict[Any, Any]:
    return dict(enumerate(items))
