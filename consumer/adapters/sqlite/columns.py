"""What a column's values are in SQLite, which knows text, integers, reals and blobs alone.

Decimals are text, because a REAL keeps 15 of their digits. Timestamps are text of one width in UTC, so that
they sort as time does. Whole columns are converted at once: values that pass as they are cost a look at
their types.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import MAX_PREC, Context, Decimal
from typing import Any
from uuid import UUID

from consumer.model.table import Column, Kind

Values = Sequence[Any]

TYPES = {
    Kind.INTEGER: "INTEGER",
    Kind.BOOLEAN: "INTEGER",
    Kind.FLOAT: "REAL",
    Kind.BYTES: "BLOB",
}


def type_of(column: Column) -> str:
    """What the column is declared as."""
    return "TEXT" if column.array else TYPES.get(column.kind, "TEXT")


def encoder(column: Column, *, is_key: bool) -> Callable[[Values], Values]:
    """What turns values of the column into SQLite's. It raises `TypeError` or `ValueError`, with the column and
    without the value, for what is no value of the column's kind, or cannot be kept.
    """
    one = _canonical if is_key and column.kind is Kind.DECIMAL else _ENCODERS.get(column.kind)
    whole = _as_arrays if column.array else _as_they_are

    def encode(values: Values) -> Values:
        # Where None may be, what is there is converted apart, and put back in its places.
        there = [value for value in values if value is not None] if column.nullable else values
        try:
            encoded = whole(column.kind, there, one)
        except (TypeError, ValueError) as cause:
            raise type(cause)(f"the column {column.name} takes no such value: {cause}") from None
        if len(there) == len(values):
            return encoded
        rest = iter(encoded)
        return [None if value is None else next(rest) for value in values]

    return encode


def decoder(column: Column) -> Callable[[Any], Any] | None:
    """What turns a value of SQLite's, but NULL, into the column's; None where it is one already."""
    one = _DECODERS.get(column.kind)
    if not column.array:
        return one
    if column.kind in {Kind.FLOAT, Kind.BYTES}:  # JSON has neither infinities nor bytes
        one = float if column.kind is Kind.FLOAT else bytes.fromhex
    if one is None:
        return json.loads
    return lambda text: [one(value) for value in json.loads(text)]


def _as_they_are(kind: Kind, values: Values, one: Callable[[Any], Any] | None) -> Values:
    _check(kind, values)
    return values if one is None else [one(value) for value in values]


def _as_arrays(kind: Kind, values: Values, one: Callable[[Any], Any] | None) -> Values:
    if kind is Kind.FLOAT:
        one = _json_float
    elif kind is Kind.BYTES:
        one = bytes.hex
    arrays = []
    for value in values:
        if not isinstance(value, list):
            raise TypeError(f"a list is expected, not {type(value).__name__}")
        arrays.append(json.dumps(_as_they_are(kind, value, one), ensure_ascii=False))
    return arrays


def _check(kind: Kind, values: Values) -> None:
    """Of the right types, and nothing that SQLite would keep and others would not, or would keep as something else."""
    expected = _EXPECTED[kind]
    for found in set(map(type, values)):
        if not issubclass(found, expected) or (kind is Kind.DATE and issubclass(found, datetime)):
            raise TypeError(f"{expected[0].__name__} is expected, not {found.__name__}")
    if expected[0] is str and "\x00" in "".join(values):
        raise ValueError("U+0000 is within the text")
    if kind is Kind.FLOAT and any(map(math.isnan, values)):
        raise ValueError("it is no number, which SQLite would keep as NULL")


def _plain(value: Decimal) -> str:
    if not value.is_finite():
        raise ValueError("it is no finite number")
    text = str(value)
    # Without an exponent, for other tools; unless that is longer than any tool could want.
    return format(value, "f") if "E" in text and abs(value.adjusted()) < _LONG else text


#: How many digits a decimal may have at most to be written without an exponent.
_LONG = 1000
_EXACT = Context(prec=MAX_PREC)


def _canonical(value: Decimal) -> str:
    """One text for all decimals that are equal: as keys they name one row."""
    return _plain(_EXACT.normalize(value)) if value else _plain(abs(value) * 0) and "0"


def _timestamp(value: datetime) -> str:
    if value.tzinfo is None:
        raise ValueError("the datetime has no zone")
    if value.tzinfo is not UTC:
        value = value.astimezone(UTC)
    return value.isoformat(timespec="microseconds")[:26] + "Z"


def _json_float(value: float) -> float | str:
    return str(value) if math.isinf(value) else float(value)


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

_ENCODERS: dict[Kind, Callable[[Any], Any]] = {
    Kind.DECIMAL: _plain,
    Kind.TIMESTAMP: _timestamp,
    Kind.DATE: date.isoformat,
    Kind.UUID: str,
}

_DECODERS: dict[Kind, Callable[[Any], Any]] = {
    Kind.BOOLEAN: bool,
    Kind.DECIMAL: Decimal,
    Kind.TIMESTAMP: datetime.fromisoformat,
    Kind.DATE: date.fromisoformat,
    Kind.UUID: UUID,
}


def of_rows(encoders: Sequence[Callable[[Values], Values]], rows: Iterable[Values]) -> list[Values]:
    """The rows with their columns encoded; `ValueError` where one has too many values, or too few."""
    columns = list(zip(*rows, strict=True))
    if not columns:
        return []
    if len(columns) != len(encoders):
        raise ValueError(f"a row has {len(columns)} values, and there are {len(encoders)} columns")
    encoded = [encode(values) for encode, values in zip(encoders, columns, strict=True)]
    return list(zip(*encoded, strict=True))
