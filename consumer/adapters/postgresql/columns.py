"""What the columns of a table hold in PostgreSQL, and what they take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import chain
from types import MappingProxyType, NoneType
from typing import Any
from uuid import UUID

import psycopg
from psycopg.adapt import RecursiveDumper
from psycopg.pq import Format

from consumer.adapters.postgresql.adapting import ADAPTERS, Values
from consumer.errors import RowRefused
from consumer.model.table import Column, Kind, Row, Table

#: What PostgreSQL calls them.
TYPES: Mapping[Kind, str] = MappingProxyType(
    {
        Kind.TEXT: "text",
        Kind.INTEGER: "bigint",
        Kind.FLOAT: "double precision",
        Kind.BOOLEAN: "boolean",
        Kind.DECIMAL: "numeric",
        Kind.TIMESTAMP: "timestamp with time zone",
        Kind.DATE: "date",
        Kind.UUID: "uuid",
        Kind.BYTES: "bytea",
        Kind.JSON: "jsonb",
    }
)

#: What is taken of Python. Whole numbers are numbers too.
_TAKEN: Mapping[Kind, tuple[type, ...]] = MappingProxyType(
    {
        Kind.TEXT: (str,),
        Kind.INTEGER: (int,),
        Kind.FLOAT: (float, int),
        Kind.BOOLEAN: (bool,),
        Kind.DECIMAL: (Decimal, int),
        Kind.TIMESTAMP: (datetime,),
        Kind.DATE: (date,),
        Kind.UUID: (UUID,),
        Kind.BYTES: (bytes,),
        Kind.JSON: (str,),
    }
)


class BoundColumn:
    """Takes the values of a column to PostgreSQL, many at once."""

    def __init__(self, table: Table, column: Column) -> None:
        self._table = table.name
        self._column = column
        self._is_number_in_key = column.name in table.key and column.kind in {
            Kind.FLOAT,
            Kind.DECIMAL,
        }
        info = ADAPTERS.types[TYPES[column.kind]]
        #: The type of a value, for COPY.
        self.oid = info.array_oid if column.array else info.oid
        # An array of arrays would be taken apart to its last element: it goes as text, and is read there.
        passed = ADAPTERS.types["text"] if column.array else info
        #: The parameter's type, and what makes the column's of it.
        self.passed_as = f"{passed.name}[]"
        self.cast = f"::{TYPES[column.kind]}[]" if column.array else ""
        self._passed_oid = passed.array_oid
        self._as_array = _dumper(passed.array_oid, Format.BINARY)
        self._as_text = _dumper(info.array_oid, Format.TEXT)

    def bound(self, values: Sequence[Any]) -> Values:
        """The values as a parameter. Raises as `check` does."""
        self.check(values)
        try:
            if self._column.array:
                values = [
                    None if value is None else bytes(self._as_text.dump(value) or b"").decode()
                    for value in values
                ]
            return Values(self._passed_oid, self._as_array.dump(list(values)) or b"")
        except (TypeError, ValueError, OverflowError, psycopg.DataError) as cause:
            raise self._refused(_reason(self._column.kind, cause)) from None

    def check(self, values: Sequence[Any]) -> None:
        """Raises `RowRefused` for what PostgreSQL would
        make something else of.
        """
        if self._column.array:
            self._check_types(values, (list,), nullable=self._column.nullable)
            values = list(chain.from_iterable(value for value in values if value is not None))
            self._check_types(values, _TAKEN[self._column.kind], nullable=False)
        else:
            self._check_types(values, _TAKEN[self._column.kind], nullable=self._column.nullable)
        if self._column.kind is Kind.TIMESTAMP:
            self._check_years([value for value in values if value is not None])
        elif self._is_number_in_key and any(map(_is_no_number, values)):
            raise self._refused("what is no number cannot be part of a key")

    def _check_types(
        self, values: Iterable[Any], taken: tuple[type, ...], *, nullable: bool
    ) -> None:
        for found in set(map(type, values)):
            if found in taken or (nullable and found is NoneType):
                continue
            is_other = found is bool or (self._column.kind is Kind.DATE and found is datetime)
            if not issubclass(found, taken) or is_other:
                wanted = " or ".join(each.__name__ for each in taken)
                raise self._refused(f"{wanted} is expected, not {found.__name__}")

    def _check_years(self, values: Sequence[datetime]) -> None:
        """PostgreSQL's years reach further than Python's, which could not read them."""
        if not values:
            return
        try:
            extremes = min(values), max(values)
            has_zones = all(extreme.tzinfo is not None for extreme in extremes)
        except TypeError:  # some have, and some have not
            has_zones = False
        if not has_zones:
            raise self._refused("the datetime has no zone")
        try:
            for extreme in extremes:
                extreme.astimezone(UTC)
        except OverflowError:
            raise self._refused("in UTC the datetime is not within the years 1 to 9999") from None

    def _refused(self, why: str) -> RowRefused:
        return RowRefused(
            f"the column {self._column.name} of the table {self._table} takes no such value: {why}"
        )


def _is_no_number(value: Any) -> bool:
    return value.is_nan() if isinstance(value, Decimal) else value != value  # noqa: PLR0124 - so it is known


def bound_columns(table: Table) -> tuple[BoundColumn, ...]:
    """All columns of the table, in its order."""
    return tuple(BoundColumn(table, column) for column in table.columns)


def by_column(table: Table, rows: Sequence[Row]) -> list[tuple[Any, ...]]:
    """The rows' values, column by column. Raises `RowRefused` for a row of another length."""
    table.check_rows(rows)
    return list(zip(*rows, strict=True))


def _dumper(oid: int, written: Format) -> RecursiveDumper:
    dumper: Any = ADAPTERS.get_dumper_by_oid(oid, written)
    made: RecursiveDumper = dumper(NoneType, ADAPTERS)
    return made


def _reason(kind: Kind, cause: Exception) -> str:
    """In words of ours: some of theirs quote the value."""
    if isinstance(cause, UnicodeError):
        return "half a surrogate pair is within the text"
    if isinstance(cause, OverflowError):
        return "the number is too large (whole numbers have 64 bits)"
    if isinstance(cause, psycopg.DataError) and kind in {Kind.TEXT, Kind.JSON}:
        return "U+0000 is within the text"
    if isinstance(cause, psycopg.DataError):
        return "the number has more digits than PostgreSQL keeps"
    return f"its type is wrong ({type(cause).__name__})"
