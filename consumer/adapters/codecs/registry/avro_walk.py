"""Through an Avro schema, type by type."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import inf
from typing import Any

#: The types that have fields.
RECORDS = frozenset({"record", "error"})


def depth(schema: Any, names: Mapping[str, Any]) -> float:
    """How deep values may be nested: without end where a type stands within itself."""
    return _depth(schema, names, around=(), done={})


def nothings(schema: Any, names: Mapping[str, Any]) -> int:
    """How many values that take no bytes one value, or one item of an array in it, may bring along."""
    return _nothings(schema, names, {})


def has_endless_arrays(schema: Any, names: Mapping[str, Any]) -> bool:
    """Whether it has an array whose items take no bytes: of such a few bytes may claim any number."""
    return any(
        isinstance(each, dict) and each["type"] == "array" and _is_empty(each["items"], names, ())
        for each in _every_type(schema, names, set())
    )


def rebuilt(
    schema: Any, of_type: Callable[[Any], Any], of_default: Callable[[Any, Any], Any]
) -> Any:
    """The schema as it stands in JSON, with each of its types, and each default of a field, replaced."""
    if isinstance(schema, list):
        return [rebuilt(each, of_type, of_default) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made: dict[str, Any] = dict(of_type(schema))
    for part in ("type", "items", "values"):
        if isinstance(made.get(part), dict | list):
            made[part] = rebuilt(made[part], of_type, of_default)
    if schema.get("type") in RECORDS:
        made["fields"] = [_field(each, of_type, of_default) for each in schema["fields"]]
    return made


def _field(
    field: Mapping[str, Any], of_type: Callable[[Any], Any], of_default: Callable[[Any, Any], Any]
) -> dict[str, Any]:
    made = {**field, "type": rebuilt(field["type"], of_type, of_default)}
    if "default" in field:
        made["default"] = of_default(field["type"], field["default"])
    return made


def _inner(schema: Any, names: Mapping[str, Any]) -> Iterator[Any]:
    """The types that the type is made of, a name of one being its own."""
    if isinstance(schema, str):
        if schema in names:
            yield names[schema]
    elif isinstance(schema, list):
        yield from schema
    elif schema["type"] in RECORDS:
        yield from (field["type"] for field in schema["fields"])
    else:
        yield from (schema[part] for part in ("items", "values") if part in schema)


def _every_type(schema: Any, names: Mapping[str, Any], seen: set[str]) -> Iterator[Any]:
    name = _name(schema)
    if name is None or name not in seen:
        if name is not None and not isinstance(schema, str):
            seen.add(name)
        yield schema
        for each in _inner(schema, names):
            yield from _every_type(each, names, seen)


def _depth(
    schema: Any, names: Mapping[str, Any], around: tuple[str, ...], done: dict[str, float]
) -> float:
    name = _name(schema)
    if name in around:
        return inf
    if name in done:
        return done[name]
    inside = around if name is None or isinstance(schema, str) else (*around, name)
    found = 1 + max(
        (_depth(each, names, inside, done) for each in _inner(schema, names)), default=0
    )
    if name is not None:
        done[name] = found
    return found


def _nothings(schema: Any, names: Mapping[str, Any], done: dict[str, int]) -> int:
    name = _name(schema)
    if name in done:
        return done[name]
    if name is not None and name in names:
        schema = names[name]
        done[name] = 0  # within itself a type brings no more than it does already
    kind = schema if isinstance(schema, str) else _kind(schema)
    inner = [_nothings(each, names, done) for each in _inner(schema, names)]
    if kind in RECORDS:
        found = sum(inner) or int(not inner)
    elif kind == "union":  # the number of its branch is a byte
        found = max(0, max(inner, default=0) - 1)
    else:
        found = max(inner, default=int(kind == "null" or (kind == "fixed" and not schema["size"])))
    if name is not None and name in names:
        done[name] = found
    return found


def _kind(schema: Any) -> Any:
    return "union" if isinstance(schema, list) else schema["type"]


def _is_empty(schema: Any, names: Mapping[str, Any], around: tuple[str, ...]) -> bool:
    """Whether its values take no bytes."""
    if isinstance(schema, list):
        return False
    kind = schema if isinstance(schema, str) else schema["type"]
    name = _name(schema)
    if kind in names:
        return _is_empty(names[kind], names, around)
    if kind == "fixed":
        return bool(schema["size"] == 0)
    if kind in RECORDS and name is not None and name not in around:
        fields = [field["type"] for field in schema["fields"]]
        return all(_is_empty(each, names, (*around, name)) for each in fields)
    return bool(kind == "null")


def _name(schema: Any) -> str | None:
    if isinstance(schema, str):
        return schema
    return schema.get("name") if isinstance(schema, dict) else None
