"""What the fields of a row type say, and all that is wrong with them at once."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Sequence
from typing import Any

import msgspec

from consumer import Column, Kind, Misconfigured, Table
from projectors.columns import HOLDS, FieldColumn, Misfit, column_of


def fields_of(type_: type, table: str, indexes: Sequence[Sequence[str]]) -> tuple[FieldColumn, ...]:
    """The fields as columns, in order. Raises `Misconfigured`."""
    names = _names(type_)
    Table(table, (Column("any", Kind.TEXT),), ("any",))  # raises for the table's name alone
    hints = _hints(type_)
    fields: list[FieldColumn] = []
    problems = _unmakeable(type_, names)
    for name in names:
        try:
            Table(table, (Column(name, Kind.TEXT),), (name,))
            fields.append(column_of(name, hints[name]))
        except Misfit as cause:
            problems.append(f"{name} {cause}")
        except Misconfigured as cause:
            problems.append(str(cause))
    if len(fields) == len(names) and not any(field.is_key for field in fields):
        problems.append(
            "no field is the primary key: mark one, as in `Annotated[str, PRIMARY_KEY]`"
        )
    problems += [problem for index in indexes for problem in _index_problems(index, names)]
    if problems:
        raise Misconfigured(
            f"{told(type_)} cannot be the rows of a table: {'; '.join(problems)}. A column holds {HOLDS}"
        )
    return tuple(fields)


def positional(type_: type, names: Sequence[str]) -> int:
    """How many of the fields, from the first on, the type takes by their place; the others by name."""
    parameters = inspect.signature(type_).parameters
    for at, name in enumerate(names):
        if list(parameters)[at] != name or parameters[name].kind is not _BY_PLACE:
            return at
    return len(names)


def is_frozen(type_: type) -> bool:
    """Whether a row stays as it is once made."""
    if issubclass(type_, msgspec.Struct):
        return type_.__struct_config__.frozen
    return bool(type_.__dataclass_params__.frozen)  # type: ignore[attr-defined]  # every dataclass has it


def told(type_: type) -> str:
    """The type, and where it comes from."""
    return f"{type_.__module__}.{type_.__qualname__}"


_BY_PLACE = inspect.Parameter.POSITIONAL_OR_KEYWORD


def _names(type_: Any) -> list[str]:
    if isinstance(type_, type):
        if issubclass(type_, msgspec.Struct):
            return list(type_.__struct_fields__)
        if dataclasses.is_dataclass(type_):
            return [field.name for field in dataclasses.fields(type_)]
    raise Misconfigured(f"{type_!r} is no row type: make it a dataclass or a msgspec.Struct")


def _hints(type_: type) -> dict[str, Any]:
    try:
        return typing.get_type_hints(type_, include_extras=True)
    except (NameError, TypeError, AttributeError, SyntaxError) as cause:
        raise Misconfigured(
            f"the types of {told(type_)} cannot be looked up: {cause}. What its fields name must be there at "
            "run time, in its module: no import under TYPE_CHECKING, no class inside a function"
        ) from cause


def _unmakeable(type_: type, names: Sequence[str]) -> list[str]:
    """A row that was loaded is made of its fields alone, by the type's own `__init__`."""
    takes = list(inspect.signature(type_).parameters)
    problems = [f"{name} is no parameter of its __init__" for name in names if name not in takes]
    problems += [
        f"its __init__ takes {name}, which is no field" for name in takes if name not in names
    ]
    return problems


def _index_problems(index: Sequence[str], names: Sequence[str]) -> list[str]:
    if isinstance(index, str) or not index:
        return [
            f"the index {index!r} is no tuple of fields: write it as in ({index or 'country'!r},)"
        ]
    return [
        f"the index {tuple(index)} names {name!r}, which is no field"
        for name in index
        if name not in names
    ]
