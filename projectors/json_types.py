"""Whether a type can be read from JSON: what no decoder knows is found out before anything runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import inspect


def unreadable(hint: Any) -> str | None:
    """Why values of the type cannot be read from JSON; None where they can."""
    try:
        msgspec.json.Decoder(hint)
        # A decoder is made of any class at all, and then refuses whatever comes.
        foreign = [
            node.cls.__name__
            for node in _nodes(inspect.type_info(hint), set())
            if _is_foreign(node)
        ]
    except (TypeError, NameError, AttributeError) as cause:
        return str(cause)
    return f"JSON knows no {', '.join(foreign)}" if foreign else None


def _is_foreign(node: Any) -> bool:
    return isinstance(node, inspect.CustomType)


def _nodes(node: Any, seen: set[int]) -> Iterator[Any]:
    """The type and all within it; some hold themselves."""
    if isinstance(node, tuple):
        for one in node:
            yield from _nodes(one, seen)
    elif isinstance(node, inspect.Type | inspect.Field) and id(node) not in seen:
        seen.add(id(node))
        yield node
        for name in node.__struct_fields__:
            yield from _nodes(getattr(node, name), seen)
