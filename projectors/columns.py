"""From the type of a row's field to the column that holds it, and the way of its values there and back."""

from __future__ import annotations

import typing
from collections.abc import Callable
from dataclasses import is_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from operator import attrgetter
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec

from consumer import Column, Kind
from projectors.json_types import unreadable

_KINDS: Final = {
    str: Kind.TEXT,
    int: Kind.INTEGER,
    float: Kind.FLOAT,
    bool: Kind.BOOLEAN,
    Decimal: Kind.DECIMAL,
    datetime: Kind.TIMESTAMP,
    date: Kind.DATE,
    UUID: Kind.UUID,
    bytes: Kind.BYTES,
}
#: What a column can hold, in words.
HOLDS: Final = (
    "str, int, float, bool, Decimal, datetime, date, UUID, bytes, an Enum or a Literal of str or int, a list or tuple "
    "of these, and as JSON a dict, dataclass or msgspec.Struct, each also with `| None`"
)

Way = Callable[[Any], Any]


class PrimaryKey:
    """The mark of a field that is the primary key, or a part of it: `Annotated[str, PRIMARY_KEY]`."""

    def __repr__(self) -> str:
        return "PRIMARY_KEY"


#: Marks a field: `customer_id: Annotated[str, PRIMARY_KEY]`. On several fields it makes a composite key, in their order.
PRIMARY_KEY: Final = PrimaryKey()


class Misfit(ValueError):
    """A type that no column holds, or a value that its column cannot hold; the text says why, and quotes no value."""


class Values(msgspec.Struct, frozen=True):
    """What a column does with the values of a field; None is never asked for."""

    kind: Kind
    #: What type such a value has, exactly.
    type: type
    #: To what the column holds; None where that is the value itself.
    encode: Way | None = None
    #: And back.
    decode: Way | None = None
    array: bool = False


class FieldColumn(msgspec.Struct, frozen=True):
    """A field of a row, and its column."""

    column: Column
    values: Values
    is_key: bool


def column_of(name: str, annotation: Any) -> FieldColumn:
    """The column for a field of that name and type. Raises `Misfit`, and for the name `Misconfigured`."""
    hint, nullable, marks = _bare(annotation)
    is_key = any(mark is PRIMARY_KEY for mark in marks)
    values = _values(hint)
    if is_key and (nullable or values.array or values.kind is Kind.JSON):
        raise Misfit("is part of the primary key, so it can be neither None nor of several values")
    return FieldColumn(Column(name, values.kind, nullable, values.array), values, is_key)


def _bare(annotation: Any) -> tuple[Any, bool, list[Any]]:
    """The type without what surrounds it, whether it may be None, and what it is annotated with."""
    nullable, marks = False, []
    while True:
        origin = typing.get_origin(annotation)
        if origin is Annotated:
            marks += annotation.__metadata__
            annotation = annotation.__origin__
        elif origin in {typing.Union, UnionType}:
            others = [member for member in typing.get_args(annotation) if member is not NoneType]
            if len(others) > 1:
                raise Misfit(f"is one of {len(others)} types, and a column holds one")
            nullable, annotation = True, others[0]
        elif isinstance(annotation, typing.NewType):
            annotation = annotation.__supertype__
        elif type(annotation).__name__ == "TypeAliasType":  # `type X = ...`, from Python 3.12 on
            annotation = annotation.__value__
        else:
            return annotation, nullable, marks


def _values(hint: Any) -> Values:
    if hint in _KINDS:
        zoned = _zoned if hint is datetime else None
        return Values(_KINDS[hint], hint, encode=zoned)
    if isinstance(hint, type) and issubclass(hint, Enum):
        kind, _ = _common([member.value for member in hint], f"the values of {hint.__name__}")
        return Values(kind, hint, encode=attrgetter("value"), decode=hint)
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        kind, type_ = _common(inner, "its values")
        return Values(kind, type_)
    if origin is list or (origin is tuple and inner[1:] == (...,)):
        one = _scalar(inner[0])
        if one is not None:
            return _array(origin, one)
    return _json(hint)


def _common(values: typing.Iterable[Any], what: str) -> tuple[Kind, type]:
    types = {type(value) for value in values}
    types = {
        str if issubclass(one, str) else int if one is not bool and issubclass(one, int) else one
        for one in types
    }
    if types not in ({str}, {int}):
        raise Misfit(f"cannot be a column: {what} must be all text, or all integers")
    (type_,) = types
    return _KINDS[type_], type_


def _zoned(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise Misfit("holds a datetime without its zone: nobody knows which instant that is")
    # As it comes back. In the hour that comes twice in autumn a local time equals none in UTC, not even its own.
    return value.astimezone(UTC)


def _scalar(hint: Any) -> Values | None:
    """How an array holds such elements; None where it cannot."""
    hint, nullable, _ = _bare(hint)
    if nullable:
        return None
    try:
        one = _values(hint)
    except Misfit:
        return None
    return None if one.array or one.kind is Kind.JSON else one


def _array(of: type, one: Values) -> Values:
    encode, decode = one.encode, one.decode
    return Values(
        one.kind,
        of,
        # A list of its own: the row's may be changed later.
        encode=list if encode is None else lambda values: [encode(value) for value in values],
        decode=of if decode is None else lambda values: of([decode(value) for value in values]),
        array=True,
    )


def _json(hint: Any) -> Values:
    origin = typing.get_origin(hint) or hint
    if not isinstance(origin, type) or not (
        issubclass(origin, dict | list | tuple | msgspec.Struct) or is_dataclass(origin)
    ):
        raise Misfit(f"is {_told(hint)}, which no column holds")
    why = unreadable(hint)
    if why is not None:
        raise Misfit(f"is {_told(hint)}, which cannot be kept as JSON: {why}")
    decode = msgspec.json.Decoder(hint).decode
    encode = msgspec.json.encode
    return Values(Kind.JSON, origin, encode=lambda value: encode(value).decode(), decode=decode)


def _told(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint)
