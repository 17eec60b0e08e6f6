"""projections.yaml as a JSON Schema, for editors."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from consumer.settings.document import Settings
from consumer.settings.shape import AS_TEXT

#: What may stand for any value: text with a variable of the environment in it.
_VARIABLE = r"\$\{[A-Za-z_]"

#: YAML 1.2, which editors read, takes `yes` for text, and load for a boolean.
_AS_TEXT = {"boolean": AS_TEXT[bool], "integer": AS_TEXT[int], "number": AS_TEXT[float]}

#: What a deployment often says in the environment alone. A file may be whole without it.
_DEPLOYED = (
    *("Settings", "OffsetSettings", "RedisOffsets", "SqliteOffsets", "PostgresqlConnection"),
    *("ReadModelSettings", "RedisReadModelSettings", "SqliteReadModelSettings"),
    *("SourceSettings", "KafkaSettings", "RedisStreamSettings", "HttpSettings"),
    "SchemaRegistrySettings",
)

#: Of what at most one key may be set.
_EITHER = {
    "OffsetSettings": ["redis", "postgresql", "sqlite"],
    "ReadModelSettings": ["postgresql", "sqlite", "redis"],
    "SourceSettings": ["kafka", "redis"],
    "CodecOfPlaces": ["json", "schema_registry"],
}

_DESCRIPTION = "All that an operator sets of projection-consumer. Any value may be a ${VARIABLE}."


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of projections.yaml.

    It marks no file that `load` takes, whatever the environment holds; and keys that are unknown, values
    of the wrong kind, and what a projection lacks, where only the file is likely to say it. What needs
    two parts together, or the environment, `load` alone can tell.
    """
    schema = Settings.model_json_schema()
    definitions: dict[str, Any] = schema.pop("$defs")
    for name, part in (("Settings", schema), *definitions.items()):
        if name in _DEPLOYED:
            part.pop("required", None)
        if keys := _EITHER.get(name):
            part["not"] = {"anyOf": [_given(*two) for two in combinations(keys, 2)]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "projections.yaml",
        "description": _DESCRIPTION,
        "type": "object",
        "properties": _each(schema["properties"]),
        "additionalProperties": False,
        "$defs": _each(definitions),
    }


def _given(*keys: str) -> dict[str, Any]:
    return {"required": [*keys], "properties": {key: {"type": "object"} for key in keys}}


def _loosened(node: Any) -> Any:
    """The same, with variables allowed for values, and without pydantic's titles."""
    if isinstance(node, list):
        return [_loosened(each) for each in node]
    if not isinstance(node, dict):
        return node
    if {"type": "string"} in node.get("anyOf", ()):  # any text may stand there as it is
        return node
    return _or_text(
        {
            key: _each(value) if key == "properties" else _loosened(value)
            for key, value in node.items()
            if key not in ("title", "writeOnly")
        }
    )


def _each(parts: dict[str, Any]) -> dict[str, Any]:
    """The same for each of these: their names are the settings', and no words of JSON Schema."""
    return {name: _loosened(part) for name, part in parts.items()}


def _or_text(node: dict[str, Any]) -> dict[str, Any]:
    kind = node.get("type")
    if kind == "string" and {"pattern", "enum", "minLength", "maxLength"} & node.keys():
        pattern = _VARIABLE
    elif kind in _AS_TEXT:
        pattern = f"{_VARIABLE}|{_AS_TEXT[kind]}"
    else:
        return node
    said = {key: node.pop(key) for key in ("description", "default") if key in node}
    return said | {"anyOf": [node, {"type": "string", "pattern": pattern}]}
