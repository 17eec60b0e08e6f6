"""Whether a function fits what it is declared for, found out before anything runs."""

from __future__ import annotations

import inspect
import os
import typing
from collections.abc import Callable, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Any

from consumer import Event, Misconfigured

#: How many parameters a function may have: the event; the row and the event; the row, the event and the key.
EVENT, ROW_AND_EVENT, ROW_EVENT_AND_KEY = 1, 2, 3


def place_of(function: Callable[..., Any]) -> str:
    """The function's name, file and line."""
    inner = inspect.unwrap(function)
    name = getattr(inner, "__qualname__", type(inner).__name__).rpartition("<locals>.")[2]
    code = getattr(inner, "__code__", None)
    if code is None:
        return name
    file = (
        os.path.relpath(code.co_filename)
        if Path(code.co_filename).is_absolute()
        else code.co_filename
    )
    return f"{name} ({file}:{code.co_firstlineno})"


def checked(function: Callable[..., Any], row: type, data: Any, key_types: tuple[type, ...]) -> int:
    """How many parameters the function has: `EVENT`, `ROW_AND_EVENT` or `ROW_EVENT_AND_KEY`.

    `data` is the type of the event's data, `Any` where it is not decoded. Raises `Misconfigured` with all
    in which the function does not fit.
    """
    place = place_of(function)
    if not inspect.isroutine(function):
        raise Misconfigured(f"{place} is no function: declare one")
    hints = _hints(function, place, row, data)
    parameters = list(inspect.signature(function).parameters.values())
    problems = _kind_problems(function)
    if not _takes(parameters, {EVENT, ROW_AND_EVENT, ROW_EVENT_AND_KEY}):
        problems.append("it takes (row, event), (row, event, key), or (event) alone")
    else:
        problems += _type_problems(parameters, hints, row, data)
        problems += _key_problems(parameters[ROW_AND_EVENT:], hints, key_types)
    problems += _return_problems(hints, row)
    if problems:
        raise Misconfigured(f"{place} does not fit: {'; '.join(problems)}")
    return len(parameters)


def may_delete(function: Callable[..., Any], row: type, data: Any) -> bool:
    """Whether a function that was `checked` says that it may return None."""
    return NoneType in _members(_hints(function, place_of(function), row, data)["return"])


def parameters_of(function: Callable[..., Any], *, at_most: int, what: str) -> int:
    """How many parameters a key's function has, 1 to `at_most`; `Misconfigured` for another number.

    One that does not tell, as `operator.attrgetter`, has one.
    """
    if not callable(function):
        raise Misconfigured(f"{what} is {function!r}: make it a function")
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (ValueError, TypeError):
        return 1
    if any(parameter.kind is inspect.Parameter.VAR_POSITIONAL for parameter in parameters):
        return 1
    if not _takes(parameters, set(range(1, at_most + 1))) or inspect.iscoroutinefunction(function):
        wanted = "(event)" if at_most == 1 else "(data), or (data, event)"
        raise Misconfigured(f"{what} is a plain function of {wanted}")
    return len(parameters)


_BY_PLACE = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}


def _takes(parameters: Sequence[inspect.Parameter], numbers: set[int]) -> bool:
    return len(parameters) in numbers and all(one.kind in _BY_PLACE for one in parameters)


def _hints(function: Callable[..., Any], place: str, row: type, data: Any) -> dict[str, Any]:
    # What is declared inside a function, or imported for type checkers alone, is known to us all the same.
    known = {one.__name__: one for one in (row, data) if isinstance(one, type)}
    known |= {"Event": Event, "Any": Any}
    inner = inspect.unwrap(function)
    missing = {
        name: value
        for name, value in known.items()
        if name not in getattr(inner, "__globals__", {})
    }
    try:
        return typing.get_type_hints(function, localns=missing)
    except (NameError, TypeError, AttributeError, SyntaxError) as cause:
        raise Misconfigured(f"the types of {place} cannot be looked up: {cause}") from cause


def _kind_problems(function: Callable[..., Any]) -> list[str]:
    inner = inspect.unwrap(function)
    if inspect.iscoroutinefunction(inner):
        return ["it is async: a pure function has nothing to wait for"]
    if inspect.isgeneratorfunction(inner) or inspect.isasyncgenfunction(inner):
        return ["it yields: return the row"]
    return []


def _type_problems(
    parameters: Sequence[inspect.Parameter], hints: dict[str, Any], row: type, data: Any
) -> list[str]:
    event = parameters[0 if len(parameters) == EVENT else 1].name
    problems = [f"{one.name} has no type" for one in parameters if one.name not in hints]
    if len(parameters) != EVENT:
        first = parameters[0].name
        if first in hints and _members(hints[first]) != {row, NoneType}:
            problems.append(
                f"{first} is {_told(hints[first])}, and the rows are {row.__name__} | None"
            )
    if event in hints and not _is_event_of(hints[event], data):
        wanted = "Event" if data is Any else f"Event[{_told(data)}]"
        problems.append(f"{event} is {_told(hints[event])}, and it is given {wanted}")
    return problems


def _key_problems(
    parameters: Sequence[inspect.Parameter], hints: dict[str, Any], key_types: tuple[type, ...]
) -> list[str]:
    wanted = key_types[0] if len(key_types) == 1 else tuple
    for parameter in parameters:
        hint = hints.get(parameter.name, Any)
        hint = getattr(hint, "__supertype__", hint)  # a NewType's own
        if not any(_holds(typing.get_origin(one) or one, wanted) for one in _members(hint)):
            return [f"{parameter.name} is {_told(hint)}, and the key is a {wanted.__name__}"]
    return []


def _return_problems(hints: dict[str, Any], row: type) -> list[str]:
    if "return" not in hints:
        return ["what it returns has no type"]
    if not _members(hints["return"]) <= {row, NoneType}:
        return [
            f"it returns {_told(hints['return'])}, and the rows are {row.__name__} (None deletes)"
        ]
    return []


def _is_event_of(hint: Any, data: Any) -> bool:
    if hint is Event:
        return True
    if typing.get_origin(hint) is not Event:
        return False
    return any(_holds(one, data) for one in _members(typing.get_args(hint)[0]))


def _holds(hint: Any, data: Any) -> bool:
    """Whether data of that type is what the function says it takes."""
    if hint in (Any, object, data):
        return True
    return isinstance(hint, type) and isinstance(data, type) and issubclass(data, hint)


def _members(hint: Any) -> set[Any]:
    is_union = typing.get_origin(hint) in (typing.Union, UnionType)
    return set(typing.get_args(hint)) if is_union else {hint}


def _told(hint: Any) -> str:
    if hint is NoneType:
        return "None"
    if isinstance(hint, type) and not typing.get_args(hint):
        return hint.__name__
    if typing.get_origin(hint) is Event:
        return f"Event[{_told(typing.get_args(hint)[0])}]"
    if typing.get_origin(hint) in (typing.Union, UnionType):
        return " | ".join(_told(one) for one in typing.get_args(hint))
    return str(hint)
