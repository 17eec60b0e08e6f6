"""docs/settings-reference.md: every key of projections.yaml, from the schema of the settings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from consumer.settings.document import Settings

_PAGE = """\
# Settings, key by key

Every key of projections.yaml: what it may be, what it is if nothing is said, and what it means. [projections.yaml](settings.md) tells how they play together.
Any value may hold `${VARIABLE}` or `${VARIABLE:-default}`.

An editor completes and checks the file by its JSON Schema: `projections settings-schema > projections.schema.json`, and as the file's first line
`# yaml-language-server: $schema=projections.schema.json`.
"""

#: What stands for a key that the file's author chooses.
_OWN_NAME = "NAME"

_KINDS = {"string": "text", "integer": "a whole number", "number": "a number"}
_KINDS |= {"boolean": "`true` or `false`"}
_TEXTS = {"path": "a path", "password": "text, a secret"}

Node = dict[str, Any]


def settings() -> str:
    """The page."""
    schema = Settings.model_json_schema()
    parts = _parts(schema, schema, ())
    return _PAGE + "".join(_section(path, part, schema) for path, part in parts)


def _parts(part: Node, schema: Node, path: tuple[str, ...]) -> Iterator[tuple[str, Node]]:
    """The part and all below it, each under its place in the file."""
    yield ".".join(path), part
    for key, node in part["properties"].items():
        for choice in _choices(node):
            each = choice.get("additionalProperties")
            inner, below = choice, (*path, key)
            if isinstance(each, dict):
                inner, below = each, (*path, key, _OWN_NAME)
            if "$ref" in inner:
                yield from _parts(_referred(inner, schema), schema, below)


def _section(path: str, part: Node, schema: Node) -> str:
    rows = [
        f"| `{key}` | {_kind(node, schema)} | {_default(key, node, part)} | {_meaning(node)} |"
        for key, node in part["properties"].items()
    ]
    title, about = (f"`{path}`", _meaning(part)) if path else ("The whole file", "")
    head = ["", f"## {title}", "", *([about, ""] if about else [])]
    return "\n".join(
        [*head, "| key | is | if not said | meaning |", "|---|---|---|---|", *rows, ""]
    )


def _kind(node: Node, schema: Node) -> str:
    """In words, and for numbers from where to where."""
    return " or ".join(_one_kind(each, schema) for each in _choices(node))


def _one_kind(node: Node, schema: Node) -> str:
    if "enum" in node:
        return " or ".join(f"`{value}`" for value in node["enum"])
    if "$ref" in node:
        return "a mapping"
    if node["type"] == "array":
        return f"a list of {_kind(node['items'], schema).removeprefix('a ')}"
    if node["type"] == "object":
        inside = node["additionalProperties"]
        return "a mapping of names" + ("" if "$ref" in inside else f" to {_kind(inside, schema)}")
    return _TEXTS.get(node.get("format", ""), _KINDS[node["type"]]) + _range(node)


def _range(node: Node) -> str:
    if "exclusiveMinimum" in node:
        return f", above {node['exclusiveMinimum']} up to {node['maximum']:,}"
    if "minimum" in node:
        return f", {node['minimum']} to {node['maximum']:,}"
    return ""


def _default(key: str, node: Node, part: Node) -> str:
    if key in part.get("required", ()):
        return "**required**"
    if (default := node.get("default")) in (None, [], {}):
        return ""
    match default:
        case bool(value):
            return f"`{str(value).lower()}`"
        case float(value):
            return f"`{value:g}`"
        case dict(value):
            return "`{" + ", ".join(f"{name}: {each:g}" for name, each in value.items()) + "}`"
        case value:
            return f"`{value}`"


def _meaning(node: Node) -> str:
    return " ".join(node.get("description", "").split())


def _choices(node: Node) -> list[Node]:
    """What it may be, but for nothing."""
    found = node.get("anyOf") or node.get("oneOf") or [node]
    return [each for each in found if each.get("type") != "null"]


def _referred(node: Node, schema: Node) -> Node:
    found: Node = schema["$defs"][node["$ref"].rpartition("/")[2]]
    return found
