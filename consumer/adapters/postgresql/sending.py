"""Statements of a transaction on their way to PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg

from consumer.adapters.postgresql.adapting import RowCursor, Values
from consumer.adapters.postgresql.columns import BoundColumn, by_column
from consumer.adapters.postgresql.refusals import told
from consumer.adapters.postgresql.statements import Statements
from consumer.errors import Conflict
from consumer.model.table import Key, Row, Table

T = TypeVar("T")

#: Rows of a statement.
_AT_ONCE = 2500


class Sending:
    """Sends one statement after the other, each as a message of its own.

    A pipeline would save their round trips. But of a client that is stopped within one, or right after
    it, PostgreSQL waits for more, and ends it neither as a statement nor as a transaction that idles.
    """

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        #: Rows on their way, to find out which one is refused.
        self.rows: list[tuple[Table, Sequence[Row]]] = []

    def execute(self, query: bytes, parameters: Sequence[Any]) -> RowCursor:
        """Sends it, and waits for the answer."""
        return RowCursor(self._connection).execute(query, parameters, binary=True)

    def about(
        self,
        query: bytes,
        statements: Statements,
        keys: Sequence[Key],
        *,
        expected: int | None = None,
    ) -> list[RowCursor]:
        """Sends a statement about the rows with these keys; ends with `Conflict` where it is not about as many
        as `expected`.
        """
        cursors = []
        for some in in_pieces(keys):
            parameters = [
                column.bound(values)
                for column, values in zip(
                    statements.key_columns, zip(*some, strict=True), strict=True
                )
            ]
            cursors.append(self.execute(query, parameters))
        if expected is not None:
            _expect(expected, cursors, statements.table)
        return cursors

    def put(
        self,
        query: bytes,
        statements: Statements,
        rows: Sequence[Row],
        *,
        must_be_new: bool = False,
    ) -> None:
        """Sends rows; ends with `Conflict` where they must be new and are not."""
        self.rows.append((statements.table, rows))
        cursors = [self.execute(query, _bound(statements, some)) for some in in_pieces(rows)]
        if must_be_new:
            _expect(len(rows), cursors, statements.table)

    def copy(self, statements: Statements, rows: Sequence[Row]) -> None:
        """Sends rows by COPY."""
        self.rows.append((statements.table, rows))
        for some in in_pieces(rows):
            for column, values in _columns(statements, some):
                column.check(values)
        try:
            with RowCursor(self._connection) as cursor, cursor.copy(statements.copy) as copy:
                copy.set_types([column.oid for column in statements.columns])
                for row in rows:
                    copy.write_row(row)
        except (TypeError, ValueError, OverflowError, psycopg.DataError):
            for some in in_pieces(rows):
                _bound(statements, some)  # raises, and says which column
            raise


@contextmanager
def sending(cursor: psycopg.Cursor[Any]) -> Iterator[Sending]:
    """Raises `RowRefused` for rows that are not taken."""
    sending = Sending(cursor.connection)
    with told(sending.rows):
        yield sending


def overtaken(table: Table) -> Conflict:
    """Somebody else wrote a row that we had found otherwise."""
    return Conflict(f"another writer wrote a row of {table.name} in between")


def _expect(count: int, cursors: Sequence[RowCursor], table: Table) -> None:
    if sum(cursor.rowcount for cursor in cursors) != count:
        raise overtaken(table)


def in_pieces(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """As many as go into one statement."""
    for at in range(0, len(items), _AT_ONCE):
        yield items[at : at + _AT_ONCE]


def _columns(
    statements: Statements, rows: Sequence[Row]
) -> Iterator[tuple[BoundColumn, tuple[Any, ...]]]:
    return zip(statements.columns, by_column(statements.table, rows), strict=True)


def _bound(statements: Statements, rows: Sequence[Row]) -> list[Values]:
    return [column.bound(values) for column, values in _columns(statements, rows)]
