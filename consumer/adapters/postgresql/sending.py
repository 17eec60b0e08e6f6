"""Statements of a transaction on their way to PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

import psycopg

from consumer.adapters.postgresql.columns import BoundColumn, RowCursor, Values, by_column
from consumer.adapters.postgresql.refusals import told
from consumer.adapters.postgresql.statements import Statements
from consumer.errors import Conflict
from consumer.model.table import Key, Row, Table

T = TypeVar("T")

#: Rows of a statement: the server works on some while the next are made ready here.
_AT_ONCE = 500


class Sending:
    """Sends one statement after the other without waiting for their answers."""

    def __init__(self, connection: psycopg.Connection[Any], pipeline: ExitStack) -> None:
        self._connection = connection
        self._pipeline = pipeline
        self._is_pipelined = False
        #: Rows on their way, to find out which one is refused.
        self.rows: list[tuple[Table, Sequence[Row]]] = []
        #: What must have changed so many rows.
        self._expected: list[tuple[list[RowCursor], Table, int]] = []

    def execute(self, query: bytes, parameters: Sequence[Any]) -> RowCursor:
        """Sends it; the answer is there when the sending is over."""
        if not self._is_pipelined:
            self._pipeline.enter_context(self._connection.pipeline())
            self._is_pipelined = True
        return RowCursor(self._connection).execute(query, parameters, binary=True)

    def about(
        self,
        query: bytes,
        statements: Statements,
        keys: Sequence[Key],
        *,
        expected: int | None = None,
    ) -> list[RowCursor]:
        """Sends a statement about the rows with these keys; of how many, as far as that is `expected`."""
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
            self._expected.append((cursors, statements.table, expected))
        return cursors

    def put(
        self,
        query: bytes,
        statements: Statements,
        rows: Sequence[Row],
        *,
        must_be_new: bool = False,
    ) -> None:
        """Sends rows; where they must be new and are not, the sending ends with `Conflict`."""
        self.rows.append((statements.table, rows))
        cursors = [self.execute(query, _bound(statements, some)) for some in in_pieces(rows)]
        if must_be_new:
            self._expected.append((cursors, statements.table, len(rows)))

    def copy(self, statements: Statements, rows: Sequence[Row]) -> None:
        """Sends rows by COPY, which cannot be sent along with other statements: they end first."""
        self._pipeline.close()
        self._is_pipelined = False
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

    def check(self) -> None:
        """Raises `Conflict` where another writer was first."""
        for cursors, table, expected in self._expected:
            if sum(cursor.rowcount for cursor in cursors) != expected:
                raise overtaken(table)


@contextmanager
def sending(cursor: psycopg.Cursor[Any]) -> Iterator[Sending]:
    """What the block sends was done when it ends. Raises `Conflict`; `ValueError` for rows that are not taken."""
    with ExitStack() as pipeline:
        sending = Sending(cursor.connection, pipeline)
        with told(sending.rows), pipeline:
            yield sending
    sending.check()


def overtaken(table: Table) -> Conflict:
    """Somebody else wrote a row that we had found otherwise."""
    return Conflict(f"another writer wrote a row of {table.name} in between")


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
