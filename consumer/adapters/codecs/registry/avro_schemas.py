"""Avro schemas, parsed for reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec
from fastavro.schema import SchemaParseException, parse_schema

from consumer.adapters.codecs.registry.avro_counted import bare, counted
from consumer.adapters.codecs.registry.avro_values import (
    default_of,
    read_by_us,
    without_invalid_decimal,
)
from consumer.adapters.codecs.registry.avro_walk import (
    RECORDS,
    depth,
    has_endless_arrays,
    nothings,
    rebuilt,
)
from consumer.adapters.codecs.registry.registered import Registered, Unreadable
from consumer.errors import Misconfigured

#: Values without bytes that one value may bring along. Of types that hold others twice, each again, a few lines of
#: a schema would make any number of them, out of nothing.
_MOST_NOTHINGS = 100

#: Above it a type is nested deep: real ones are a dozen deep.
_DEEP = 100

_NO_REFERENCES: Mapping[str, Registered] = MappingProxyType({})


class Branch(msgspec.Struct, frozen=True):
    """A type that values may have."""

    #: The full name; of a type that has none the word for it, as in `string`.
    name: str
    #: The other full names that a reader's schema goes by.
    aliases: Sequence[str]
    #: As its writer registered it, parsed.
    written: Any


class Schema(msgspec.Struct, frozen=True):
    """An Avro schema."""

    #: Of a union its branches, in order; else the one.
    branches: Sequence[Branch]
    is_union: bool
    #: Of a record, for fastavro to read by and by a reader's schema, with logical types of ours; else None.
    alone: Any
    #: The same of any type as the `body` of a record around it, whose bytes are the same.
    wrapped: Any
    #: `alone`, or else `wrapped`, to read by without a reader's schema.
    counted: Any
    #: To see whether the bytes are of this schema at all.
    bare: Any
    #: Whether values may be nested deep, or without end.
    is_deep: bool


def parsed(text: str, references: Mapping[str, Registered] = _NO_REFERENCES) -> Schema:
    """The schema; raises `Unreadable`."""
    try:
        return _parsed(text, [each.text for each in references.values()])
    except Unreadable:
        raise
    except Exception as cause:  # whatever a parser makes of what somebody registered
        why = f"fastavro takes it for no Avro schema ({type(cause).__name__})"
        raise Unreadable(why) from cause


def reader_schema(place: str, text: str) -> Schema:
    """A schema to read by, from the file at `place`; raises `Misconfigured`, also where it is none of a named type."""
    try:
        schema = parsed(text)
        parse_schema(msgspec.json.decode(text))  # its defaults are ours to be right
    except (Unreadable, SchemaParseException) as cause:
        raise Misconfigured(f"{place} is no reader's schema: {cause}") from cause
    if schema.is_union or "name" not in schema.branches[0].written:
        raise Misconfigured(
            f"{place} is no reader's schema: write a record, or another type that has a name"
        )
    return schema


def _parsed(text: str, references: Sequence[str]) -> Schema:
    names: dict[str, Any] = {}
    readable_names: dict[str, Any] = {}
    for each in references:
        raw = _valid(msgspec.json.decode(each))
        _parse(raw, names)
        _parse(_readable(raw), readable_names)
    raw = _valid(msgspec.json.decode(text))
    written = _parse(raw, names)
    if nothings(written, names) > _MOST_NOTHINGS:
        raise Unreadable(
            "its values hold others that take no bytes, and more of them than anybody needs"
        )
    if has_endless_arrays(written, names):
        raise Unreadable(
            "it has an array whose items take no bytes, and so no end that can be seen"
        )
    branches = written if isinstance(written, list) else [written]
    readable = _readable(raw)
    is_record = isinstance(written, dict) and written["type"] in RECORDS
    alone = _parse(readable, dict(readable_names)) if is_record else None
    wrapped = _parse(_wrapped(readable), readable_names)
    return Schema(
        [_branch(each, names) for each in branches],
        isinstance(written, list),
        alone,
        wrapped,
        counted(alone or wrapped),
        bare(alone or wrapped),
        depth(written, names) > _DEEP,
    )


def _valid(schema: Any) -> Any:
    return rebuilt(schema, without_invalid_decimal, lambda _, default: default)


def _wrapped(schema: Any) -> Any:
    fields = [{"name": "body", "type": schema}]
    return {"type": "record", "name": "projections.Wrapped", "fields": fields}


def _parse(schema: Any, names: dict[str, Any]) -> Any:
    """Takes a default that is none of its type: who wrote the events could, too."""
    return parse_schema(schema, named_schemas=names, _ignore_default_error=True)


def _branch(schema: Any, names: Mapping[str, Any]) -> Branch:
    known = names.get(schema, schema) if isinstance(schema, str) else schema
    if isinstance(known, str):
        return Branch(known, (), known)
    name = known.get("name") or known["type"]
    namespace = name.rpartition(".")[0]
    aliases = [
        alias if "." in alias or not namespace else f"{namespace}.{alias}"
        for alias in known.get("aliases", ())
    ]
    return Branch(name, aliases, known)


def _readable(schema: Any) -> Any:
    return rebuilt(schema, read_by_us, default_of)
