"""What is wrong with the settings: a line a problem, with its place in the file."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import Any, get_args, get_origin

import msgspec
from pydantic import BaseModel, ValidationError

_PLAIN = {
    "missing": "is missing",
    "string_type": "must be a text",
    "dict_type": "must be a mapping of keys to values",
    "model_type": "must be a mapping of keys to values",
    "model_attributes_type": "must be a mapping of keys to values",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "too_short": "must not be empty",
}


class Problem(msgspec.Struct, frozen=True):
    """One thing to change, and where."""

    place: tuple[str | int, ...]
    text: str

    def __str__(self) -> str:
        path = ""
        for part in self.place:
            path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
        return f"{path}: {self.text}" if path else self.text


def problems_of(error: ValidationError, root: type[BaseModel]) -> list[Problem]:
    """All problems that pydantic found, in our words. No value that was given is quoted but by us."""
    return [
        Problem(_place(found["loc"]), _text(found, root))
        for found in error.errors(include_url=False, include_input=False)
    ]


def nearest(name: str, known: Iterable[str]) -> str:
    """`did you mean ...?`, or all the names there are."""
    names = sorted(str(each) for each in known)
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"did you mean {close[0]}?"
    return f"there are {', '.join(names)}" if names else "there are none"


def _text(found: Any, root: type[BaseModel]) -> str:
    kind, loc = found["type"], found["loc"]
    if kind == "extra_forbidden":
        return f"unknown; {nearest(str(loc[-1]), _keys(root, loc[:-1]))}"
    if kind == "value_error":
        return str(found["ctx"]["error"])
    if kind in _PLAIN:
        return _PLAIN[kind]
    text: str = found["msg"]
    return text.replace("Input should", "must", 1)


def _place(loc: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """Without the marks that pydantic adds for keys of mappings and for branches of unions."""
    return tuple(part for part in loc if not _is_mark(part))


def _is_mark(part: str | int) -> bool:
    return isinstance(part, str) and (part.startswith("<") or part == "[key]")


def _keys(root: type[BaseModel], loc: Iterable[str | int]) -> Iterator[str]:
    """The keys that may stand at the place."""
    kinds: list[Any] = [root]
    for part in loc:
        if not (isinstance(part, str) and _is_mark(part)):
            kinds = [inner for kind in kinds for inner in _inside(kind, part)]
    for kind in kinds:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from (field.alias or name for name, field in kind.model_fields.items())


def _inside(kind: Any, part: str | int) -> Iterator[Any]:
    """What may stand behind one step of a path."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            if part in (name, field.alias):
                yield from _branches(field.annotation)
    elif get_origin(kind) in (dict, list):
        yield from _branches(get_args(kind)[-1])


def _branches(annotation: Any) -> Iterator[Any]:
    """The kinds of value that an annotation allows."""
    args = get_args(annotation)
    if hasattr(annotation, "__metadata__"):
        yield from _branches(args[0])
    elif args and get_origin(annotation) not in (dict, list):
        for arg in args:
            yield from _branches(arg)
    else:
        yield annotation
