"""How the rows of a table stand in hashes: a field a column, as text that people can read.

A column that is NULL has no field. Text, JSON and bytes stand as they are; integers, floats and decimals in
digits; a boolean as 1 or 0; a timestamp as 2026-11-23T21:36:15.000000Z, always in UTC and so wide; a date as
2026-11-23; a UUID in lower case. An array is JSON text: numbers and booleans are JSON's own, bytes are
base64, floats that are no numbers and values of all other kinds are strings.

A row's own key ends in the value of its primary key: as it is in a field, but that decimals have no needless
zeros, and bytes are in hex. Where several columns make up the key, a colon stands between them, and one
within a value becomes %3A, and % becomes %25.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from consumer.adapters.redis.packing import Word, binary, unpacked
from consumer.adapters.redis.values import FORMS, array_of, in_key
from consumer.errors import RowRefused
from consumer.model.table import Column, Key, Kind, Row, Table

#: The fields of a hash in the order of the table's columns; None where there is no such field.
Fields: TypeAlias = Sequence[bytes | None]

#: What a value that is none of its kind makes of its form.
_UNFIT = (ValueError, TypeError, LookupError, ArithmeticError)


class DamagedRow(ValueError):
    """A hash holds what nobody wrote as a row of the table."""


class Shape:
    """The columns of a table, made ready to write and to read many rows."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.names = tuple(column.name for column in table.columns)
        forms = [
            array_of(FORMS[column.kind]) if column.array else FORMS[column.kind]
            for column in table.columns
        ]
        self._writing = [
            (column.name, _wrapped(column, form.write), column.nullable)
            for column, form in zip(table.columns, forms, strict=True)
        ]
        self._reading = [
            (form.read, column.nullable) for column, form in zip(table.columns, forms, strict=True)
        ]
        self._in_key = [in_key(table.by_name[name].kind) for name in table.key]

    def words(self, row: Row) -> list[Word]:
        """What HSET takes: names and values in turn, without those that are NULL. Raises `RowRefused`."""
        words: list[Word] = []
        try:
            for (name, write, nullable), value in zip(self._writing, row, strict=True):
                if value is not None or not nullable:
                    words += (name, write(value))
        except _UNFIT:
            raise RowRefused(self._unfit(row)) from None  # whose text may quote a value
        return words

    def row(self, fields: Fields) -> Row | None:
        """The row of these fields, None if there is none. Raises `DamagedRow`."""
        if not any(fields) and all(field is None for field in fields):
            return None
        try:
            return tuple(
                [
                    None if field is None and nullable else read(field)  # type: ignore[arg-type]  # None raises
                    for (read, nullable), field in zip(self._reading, fields, strict=True)
                ]
            )
        except (*_UNFIT, AttributeError):
            raise DamagedRow(self._damaged(fields)) from None

    def fields(self, words: Sequence[Word]) -> Fields:
        """The fields that a hash has once these words are written."""
        found = dict(zip(words[::2], map(unpacked, words[1::2]), strict=True))
        return [found.get(name) for name in self.names]

    def key_text(self, key: Key) -> str:
        """How the row's own key ends. Raises `RowRefused`."""
        try:
            if len(key) == len(self._in_key) == 1:
                return self._in_key[0](key[0])
            parts = [write(part) for write, part in zip(self._in_key, key, strict=True)]
        except (*_UNFIT, AttributeError):
            kinds = ", ".join(self.table.by_name[name].kind for name in self.table.key)
            raise RowRefused(
                f"a key of the table {self.table.name} is not of its kinds: "
                f"{', '.join(self.table.key)} are {kinds}"
            ) from None
        return ":".join([part.replace("%", "%25").replace(":", "%3A") for part in parts])

    def _unfit(self, row: Row) -> str:
        if len(row) != len(self.names):
            return (
                f"a row of the table {self.table.name} has {len(self.names)} values, not {len(row)}"
            )
        return f"the table {self.table.name} takes no such row: {'; '.join(self._unwritable(row))}"

    def _unwritable(self, row: Row) -> Iterator[str]:
        for column, (_, write, nullable), value in zip(
            self.table.columns, self._writing, row, strict=True
        ):
            try:
                if value is not None or not nullable:
                    write(value)
            except _UNFIT as cause:
                given = "NULL" if value is None else type(value).__name__
                said = f" ({cause})" if type(cause) in {ValueError, TypeError} else ""
                yield f"the column {column.name} is {column.kind}, and was given {given}{said}"

    def _damaged(self, fields: Fields) -> str:
        for column, (read, nullable), field in zip(
            self.table.columns, self._reading, fields, strict=True
        ):
            try:
                if field is not None or not nullable:
                    read(field)  # type: ignore[arg-type]  # as above
            except (*_UNFIT, AttributeError):
                return f"a hash of {self.table.name} is damaged: its field {column.name} is no {column.kind}"
        return f"a hash of {self.table.name} is damaged"


def _wrapped(column: Column, write: Callable[[Any], Any]) -> Callable[[Any], Word]:
    if column.kind is Kind.BYTES and not column.array:
        return lambda value: binary(write(value))
    return write


@lru_cache(maxsize=256)
def shape(table: Table) -> Shape:
    """The table's shape, made once."""
    return Shape(table)
