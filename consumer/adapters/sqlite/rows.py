"""The statements that read and write the rows of a table."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from functools import cached_property, lru_cache
from itertools import chain
from typing import Any

from consumer.adapters.sqlite.columns import Convert, decoder, encoder
from consumer.adapters.sqlite.ddl import listed, quoted
from consumer.errors import RowRefused
from consumer.model.table import Key, Row, Table

#: How many values a statement takes at most: older releases of SQLite refuse a thousand.
_VALUES = 999
#: How many rows, or keys, share a statement. More bring nothing; fewer are slower (64: 1.2 ms for 1,000
#: rows of 5 columns, 1: 1.9 ms).
_ROWS_AT_ONCE = 64
_KEYS_AT_ONCE = 256
#: A key, or what an index wants to be unique, is there already.
_TAKEN = frozenset({"SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_UNIQUE"})


class Rows:
    """A table's rows, as SQLite holds them and as projectors do."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._encoders = [encoder(table, column) for column in table.columns]
        self._key_encoders = [self._encoders[at] for at in table.key_at]
        self._decoders = [
            (at, decode)
            for at, column in enumerate(table.columns)
            if (decode := decoder(column)) is not None
        ]

    def encoded(self, rows: Iterable[Row]) -> list[Row]:
        """As SQLite takes them; raises as `columns.encoder` does."""
        given = list(rows)
        self.table.check_rows(given)
        return _converted(self._encoders, given)

    def encoded_keys(self, keys: Iterable[Key]) -> list[Key]:
        """As SQLite takes them; raises as `columns.encoder` does."""
        given = list(keys)
        self.table.check_keys(given)
        return _converted(self._key_encoders, given)

    def decoded(self, rows: Sequence[Row]) -> dict[Key, Row]:
        """As projectors take them, by their keys."""
        columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
        if not columns:
            return {}
        for at, decode in self._decoders:
            columns[at] = decode(columns[at])
        if self._decoders:
            rows = list(zip(*columns, strict=True))
        keys = zip(*[columns[at] for at in self.table.key_at], strict=True)
        return dict(zip(keys, rows, strict=True))

    def read(self, connection: sqlite3.Connection, keys: Sequence[Key]) -> list[Row]:
        """The encoded rows with these encoded keys; one may be there twice."""
        found: list[Row] = []
        for some in _in_turn(keys, min(_KEYS_AT_ONCE, _VALUES // len(self.table.key))):
            # Filled up to a power of two with the last key: few statements serve any number.
            count = 1 << (len(some) - 1).bit_length()
            filled = [*some, *[some[-1]] * (count - len(some))]
            found += connection.execute(self._select(count), [*chain.from_iterable(filled)])
        return found

    def upsert(self, connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
        """Puts encoded rows in the place of those with their keys."""
        self._insert(connection, rows, self._on_conflict)

    def append(self, connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
        """Adds encoded rows; raises `RowRefused` where a key is taken."""
        self._insert(connection, rows, "")

    def delete(self, connection: sqlite3.Connection, keys: Sequence[Key]) -> None:
        """Deletes the rows with these encoded keys, those that there are."""
        if keys:
            connection.executemany(self._delete, keys)

    def clear(self, connection: sqlite3.Connection) -> None:
        """Deletes all rows."""
        connection.execute(f"DELETE FROM {self._name}")  # noqa: S608 - a validated name, in quotes

    def _insert(
        self, connection: sqlite3.Connection, rows: Sequence[Row], on_conflict: str
    ) -> None:
        at_once = max(1, min(_ROWS_AT_ONCE, _VALUES // len(self.table.columns)))
        whole = len(rows) - len(rows) % at_once
        try:
            for some in _in_turn(rows[:whole], at_once):
                values = [*chain.from_iterable(some)]
                connection.execute(self._insertion(at_once) + on_conflict, values)
            if rest := rows[whole:]:
                connection.executemany(self._insertion(1) + on_conflict, rest)
        except sqlite3.IntegrityError as cause:
            raise RowRefused(_why(self.table, cause)) from None

    @cached_property
    def _name(self) -> str:
        return quoted(self.table.name)

    @cached_property
    def _columns(self) -> str:
        return listed([column.name for column in self.table.columns])

    def _insertion(self, count: int) -> str:
        values = _placed(count, len(self.table.columns))
        return f"INSERT INTO {self._name} ({self._columns}) VALUES {values}"  # noqa: S608 - as above

    @cached_property
    def _on_conflict(self) -> str:
        others = [name for name in self.table.by_name if name not in self.table.key]
        new = ", ".join(f"{quoted(name)} = excluded.{quoted(name)}" for name in others)
        does = f"UPDATE SET {new}" if new else "NOTHING"
        return f" ON CONFLICT ({listed(self.table.key)}) DO {does}"

    @cached_property
    def _delete(self) -> str:
        key = " AND ".join(f"{quoted(name)} = ?" for name in self.table.key)
        return f"DELETE FROM {self._name} WHERE {key}"  # noqa: S608 - as above

    def _select(self, count: int) -> str:
        """Asked for in the order of the keys: only so does SQLite look each of them up."""
        parts = [f"k{number}" for number in range(len(self.table.key))]
        columns = ", ".join(f"t.{quoted(column.name)}" for column in self.table.columns)
        equal = " AND ".join(
            f"t.{quoted(name)} = k.{part}" for name, part in zip(self.table.key, parts, strict=True)
        )
        return (
            f"WITH k({', '.join(parts)}) AS (VALUES {_placed(count, len(parts))}) "  # noqa: S608 - as above
            f"SELECT {columns} FROM k CROSS JOIN {self._name} t ON {equal}"
        )


@lru_cache(maxsize=256)
def rows_of(table: Table) -> Rows:
    """The table's statements, made once."""
    return Rows(table)


@lru_cache(maxsize=256)
def _placed(rows: int, values: int) -> str:
    one = f"({', '.join('?' * values)})"
    return ", ".join([one] * rows)


def _converted(converts: Sequence[Convert], rows: Sequence[Row]) -> list[Row]:
    if not rows:
        return []
    columns = list(zip(*rows, strict=True))
    converted = [convert(values) for convert, values in zip(converts, columns, strict=True)]
    return list(zip(*converted, strict=True))


def _why(table: Table, cause: sqlite3.IntegrityError) -> str:
    if cause.sqlite_errorname in _TAKEN:
        return f"a row of the table {table.name} is there already ({cause.sqlite_errorname})"
    return f"SQLite takes a row of the table {table.name} not ({cause.sqlite_errorname})"


def _in_turn(items: Sequence[Row], count: int) -> Iterable[Sequence[Row]]:
    return (items[start : start + count] for start in range(0, len(items), count))
