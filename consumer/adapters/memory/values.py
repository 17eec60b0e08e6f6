"""What the columns of a row take: as strict as the stores that outlive the process, so that tests see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from uuid import UUID

from consumer.errors import RowRefused
from consumer.model.table import Column, Key, Kind, Row, Table


def kept(table: Table, row: Row) -> Row:
    """The row as a store keeps it, apart from any list of the caller's.

    Raises `RowRefused` where no store would take it.
    """
    table.check_rows([row])
    return tuple(
        [_kept(table, column, value) for column, value in zip(table.columns, row, strict=True)]
    )


def given(row: Row) -> Row:
    """The row for a caller, who may change its lists."""
    return tuple([list(value) if isinstance(value, list) else value for value in row])


def keyed(table: Table, key: Key) -> Key:
    """The key as a store keeps it; raises as `kept` does."""
    table.check_keys([key])
    columns = [table.by_name[name] for name in table.key]
    return tuple([_kept(table, column, part) for column, part in zip(columns, key, strict=True)])


def _kept(table: Table, column: Column, value: Any) -> Any:
    try:
        if value is None and column.nullable:
            return None
        if column.array:
            return [_one(column.kind, each) for each in _typed(value, list)]
        return _one(column.kind, value)
    except (TypeError, ValueError, OverflowError) as cause:
        raise RowRefused(
            f"the column {column.name} of the table {table.name} takes no such value: {cause}"
        ) from None


def _one(kind: Kind, value: Any) -> Any:
    if kind not in _CHECKS:
        return _typed(value, _TYPES[kind])
    return _CHECKS[kind](_typed(value, _TYPES[kind]))


def _typed(value: Any, expected: type | tuple[type, ...]) -> Any:
    if not isinstance(value, expected):
        name = expected[0].__name__ if isinstance(expected, tuple) else expected.__name__
        raise TypeError(f"{name} is expected, not {type(value).__name__}")
    return value


def _text(value: str) -> str:
    if "\x00" in value:
        raise ValueError("U+0000 is within the text")
    if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
        raise ValueError("half a surrogate pair is within the text")
    return value


def _integer(value: int) -> int:
    if not -(2**63) <= value < 2**63:
        raise ValueError("the number has more than 64 bits")
    return value


def _decimal(value: Decimal) -> Decimal:
    if value.is_snan():
        raise ValueError("it is a signaling NaN")
    return value


def _date(value: date) -> date:
    if isinstance(value, datetime):
        raise TypeError("a date is expected, not a datetime")
    return value


def _timestamp(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("the datetime has no zone")
    return value.astimezone(UTC)


_TYPES: Mapping[Kind, type | tuple[type, ...]] = MappingProxyType(
    {
        Kind.TEXT: str,
        Kind.INTEGER: int,
        Kind.FLOAT: (float, int),  # an int is a float, to type checkers
        Kind.BOOLEAN: bool,
        Kind.DECIMAL: Decimal,
        Kind.TIMESTAMP: datetime,
        Kind.DATE: date,
        Kind.UUID: UUID,
        Kind.BYTES: bytes,
        Kind.JSON: str,
    }
)

_CHECKS: Mapping[Kind, Callable[[Any], Any]] = MappingProxyType(
    {
        Kind.TEXT: _text,
        Kind.JSON: _text,
        Kind.INTEGER: _integer,
        Kind.FLOAT: float,
        Kind.DECIMAL: _decimal,
        Kind.DATE: _date,
        Kind.TIMESTAMP: _timestamp,
    }
)
