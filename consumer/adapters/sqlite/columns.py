"""What a column's values are in SQLite, which knows text, integers, reals and blobs alone.

Decimals are text, because a REAL keeps 15 of their digits. Timestamps are text of one width in UTC, so that
they sort as time does. Columns are converted as a whole: what passes as it is costs a look at its types.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import MAX_PREC, Context, Decimal
from typing import Any
from uuid import UUID

import msgspec

from consumer.errors import RowRefused
from consumer.model.table import Column, Kind, Table

Values = Sequence[Any]
Convert = Callable[[Values], Values]

_TYPES = {
    Kind.INTEGER: "INTEGER",
    Kind.BOOLEAN: "INTEGER",
    Kind.FLOAT: "REAL",
    Kind.BYTES: "BLOB",
}


def type_of(column: Column) -> str:
    """What the column is declared as."""
    return "TEXT" if column.array else _TYPES.get(column.kind, "TEXT")


def encoder(table: Table, column: Column) -> Convert:
    """What turns values of the table's column into SQLite's. It raises `RowRefused` for what is no value of
    the column's kind, or cannot be kept.
    """
    convert = (
        _arrays(column.kind)
        if column.array
        else _single(column.kind, is_key=column.name in table.key)
    )
    if column.nullable:
        convert = _beside_null(convert)

    def encode(values: Values) -> Values:
        try:
            return convert(values)
        except (TypeError, ValueError, ArithmeticError) as cause:
            why = type(cause).__name__ if isinstance(cause, ArithmeticError) else cause
            raise RowRefused(
                f"the column {column.name} of the table {table.name} takes no such value: {why}"
            ) from None

    return encode


def decoder(column: Column) -> Convert | None:
    """What turns SQLite's values into the column's; None where they are the same."""
    one = _DECODERS.get(column.kind)
    if column.array:
        one = _of_json(_FROM_JSON.get(column.kind, one))
    if one is None:
        return None
    whole = _each(one)
    return _beside_null(whole) if column.nullable else whole


def _single(kind: Kind, *, is_key: bool) -> Convert:
    convert = _canonical if is_key and kind is Kind.DECIMAL else _ENCODERS.get(kind)

    def checked(values: Values) -> Values:
        _check(kind, values)
        return convert(values) if convert else values

    return checked


def _arrays(kind: Kind) -> Convert:
    """As JSON, which has neither infinities nor bytes: these are strings in it."""
    convert = _IN_JSON.get(kind, _ENCODERS.get(kind))

    def encoded(value: Values) -> str:
        if not isinstance(value, list):
            raise TypeError(f"a list is expected, not {type(value).__name__}")
        _check(kind, value)
        return json.dumps(convert(value) if convert else value, ensure_ascii=False)

    return _each(encoded)


def _of_json(one: Callable[[Any], Any] | None) -> Callable[[str], Any]:
    return json.loads if one is None else lambda text: list(map(one, json.loads(text)))


def _check(kind: Kind, values: Values) -> None:
    """Of the right types, and nothing that others would refuse, or that SQLite would keep as something else."""
    expected = _EXPECTED[kind]
    for found in set(map(type, values)):
        if not issubclass(found, expected) or (kind is Kind.DATE and issubclass(found, datetime)):
            raise TypeError(f"{expected[0].__name__} is expected, not {found.__name__}")
    if expected[0] is str:
        _check_text("".join(values))
    if kind is Kind.INTEGER and values and not -(2**63) <= min(values) <= max(values) < 2**63:
        raise ValueError("the number has more than 64 bits")
    if kind is Kind.FLOAT and any(map(math.isnan, values)):
        raise ValueError("it is no number, which SQLite would keep as NULL")


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise ValueError("U+0000 is within the text")
    try:
        text.encode()
    except UnicodeEncodeError:  # which quotes it
        raise ValueError("half a surrogate pair is within the text") from None


def _each(one: Callable[[Any], Any]) -> Convert:
    return lambda values: list(map(one, values))


def _beside_null(convert: Convert) -> Convert:
    """What is there is converted apart from None, and put back in its places."""

    def converted(values: Values) -> Values:
        there = [value for value in values if value is not None]
        if len(there) == len(values):
            return convert(values)
        rest = iter(convert(there))
        return [None if value is None else next(rest) for value in values]

    return converted


#: How many digits a decimal may have at most to be written without an exponent.
_LONG = 1000
_EXACT = Context(prec=MAX_PREC)
_NO_LETTERS = re.compile(r"[-.0-9]*")


def _floats(values: Values) -> Values:
    # To SQLite an integer has 64 bits, also in a column of floats.
    return list(map(float, values)) if int in set(map(type, values)) else values


def _decimals(values: Values) -> Values:
    texts = list(map(str, values))
    # A letter is that of an exponent, an infinity or no number at all: most columns have none.
    return texts if _NO_LETTERS.fullmatch("".join(texts)) else list(map(_plain, values))


def _plain(value: Decimal) -> str:
    if not value.is_finite():
        raise ValueError("it is no finite number")
    # For other tools without an exponent, unless that is longer than any tool could want.
    return format(value, "f") if abs(value.adjusted()) < _LONG else str(value)


def _canonical(values: Values) -> Values:
    """One text for all decimals that are equal: as keys they name one row."""
    return [_plain(_EXACT.normalize(value)) if value else "0" for value in values]


#: As in 2026-11-23T21:36:37.123456Z.
_WIDTH = 27


def _timestamps(values: Values) -> Values:
    zones = {value.tzinfo for value in values}
    if None in zones:
        raise ValueError("the datetime has no zone")
    if zones != {UTC}:
        values = [value.astimezone(UTC) for value in values]
    texts = msgspec.to_builtins(values)  # 20 times as fast as `isoformat`, but without zeros
    return [text if len(text) == _WIDTH else f"{text[:19]}.000000Z" for text in texts]


def _json_floats(values: Values) -> Values:
    return [str(value) if math.isinf(value) else value for value in values]


_EXPECTED: dict[Kind, tuple[type, ...]] = {
    Kind.TEXT: (str,),
    Kind.JSON: (str,),
    Kind.INTEGER: (int,),
    Kind.BOOLEAN: (bool,),
    Kind.FLOAT: (float, int),  # an int is a float, to type checkers and SQLite
    Kind.DECIMAL: (Decimal,),
    Kind.TIMESTAMP: (datetime,),
    Kind.DATE: (date,),
    Kind.UUID: (UUID,),
    Kind.BYTES: (bytes,),
}

_ENCODERS: dict[Kind, Convert] = {
    Kind.FLOAT: _floats,
    Kind.DECIMAL: _decimals,
    Kind.TIMESTAMP: _timestamps,
    Kind.DATE: _each(date.isoformat),
    Kind.UUID: msgspec.to_builtins,
}

_DECODERS: dict[Kind, Callable[[Any], Any]] = {
    Kind.BOOLEAN: bool,
    Kind.DECIMAL: Decimal,
    Kind.TIMESTAMP: datetime.fromisoformat,
    Kind.DATE: date.fromisoformat,
    Kind.UUID: UUID,
}

_IN_JSON: dict[Kind, Convert] = {Kind.FLOAT: _json_floats, Kind.BYTES: _each(bytes.hex)}
_FROM_JSON: dict[Kind, Callable[[Any], Any]] = {Kind.FLOAT: float, Kind.BYTES: bytes.fromhex}
