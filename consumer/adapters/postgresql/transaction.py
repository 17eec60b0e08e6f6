"""A transaction of the read model in PostgreSQL: rows are locked as they are loaded, and written at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from consumer.adapters.postgresql.connection import Cursor
from consumer.adapters.postgresql.sending import Sending, overtaken, sending
from consumer.adapters.postgresql.statements import Statements
from consumer.errors import RowRefused
from consumer.model.table import Key, Row, Table

Step = Callable[[Sending], object]


class Transaction:
    """The `Transaction`. What is written is kept here until the block ends, or until something is read:
    so rows are locked no longer than it takes to write them.

    Rows that were loaded are locked, in the order of their keys. Those that were not there cannot be:
    they may be inserted alone, and where another writer was first it ends with `Conflict`.
    """

    def __init__(
        self, cursor: Cursor, statements: Callable[[Table], Statements], *, is_repeated: bool
    ) -> None:
        self.is_repeated = is_repeated
        self._cursor = cursor
        self._statements = statements
        self._steps: list[Step] = []
        #: Of the keys that were loaded, by the name of the table: whether the row is there, and locked.
        self._loaded: dict[str, dict[Key, bool]] = {}

    def load(self, table: Table, keys: Sequence[Key]) -> Mapping[Key, Row]:
        """As `Transaction.load`. It sees what was written before, and waits for rows that others write."""
        statements = self._statements(table)
        wanted = statements.keys_in_order(keys)
        steps, self._steps = self._steps, []
        with sending(self._cursor) as out:
            for step in steps:
                step(out)
            cursors = out.about(statements.load, statements, wanted)
        found = {statements.key_of(row): row for cursor in cursors for row in cursor}
        known = self._loaded.setdefault(table.name, {})
        for key in wanted:
            if known.setdefault(key, key in found) is not (key in found):
                raise overtaken(table)
        return found

    def write(self, table: Table, rows: Iterable[Row], gone: Iterable[Key] = ()) -> None:
        """As `Transaction.write`."""
        statements, known = self._statements(table), self._loaded.get(table.name, {})
        given = statements.in_order(_kept(table, rows))
        if known:
            keys = [statements.key_of(row) for row in given]
            if len(set(keys)) != len(keys):
                raise RowRefused(f"a key of the table {table.name} is given twice")
            new = [row for row, key in zip(given, keys, strict=True) if known.get(key) is False]
            given = [row for row, key in zip(given, keys, strict=True) if known.get(key, True)]
            known.update((key, True) for key in keys if key in known)
            # These alone may wait for another writer, or come too late: so they come first.
            self._put(statements.insert, statements, new, must_be_new=True)
        self._put(statements.upsert, statements, given)
        self._delete(statements, known, statements.keys_in_order(gone))

    def append(self, table: Table, rows: Iterable[Row]) -> None:
        """As `Transaction.append`; `RowRefused` where a key is taken."""
        statements, given = self._statements(table), _kept(table, rows)
        if given:
            self._steps.append(lambda out: out.copy(statements, given))

    def clear(self, table: Table) -> None:
        """As `Transaction.clear`."""
        statements = self._statements(table)
        self._loaded.pop(table.name, None)
        self._steps.append(lambda out: out.execute(statements.clear, ()))

    @property
    def cursor(self) -> Cursor:
        """psycopg's, inside the transaction. It sees what was written before it was asked for."""
        self.send()
        return self._cursor

    def send(self, *last: Step) -> None:
        """Sends what was written, and what is to come last."""
        steps, self._steps = [*self._steps, *last], []
        if steps:
            with sending(self._cursor) as out:
                for step in steps:
                    step(out)

    def _put(
        self,
        query: bytes,
        statements: Statements,
        rows: Sequence[Row],
        *,
        must_be_new: bool = False,
    ) -> None:
        if rows:
            self._steps.append(
                lambda out: out.put(query, statements, rows, must_be_new=must_be_new)
            )

    def _delete(self, statements: Statements, known: dict[Key, bool], keys: Sequence[Key]) -> None:
        loaded = [key for key in keys if key in known]
        blind = [key for key in keys if key not in known]
        there = sum(known.pop(key) for key in loaded)
        if loaded:  # one that was not there must not be there now
            self._steps.append(
                lambda out: out.about(statements.delete, statements, loaded, expected=there)
            )
        if blind:
            self._steps.append(lambda out: out.about(statements.delete, statements, blind))


def _kept(table: Table, rows: Iterable[Row]) -> list[Row]:
    """The rows, apart from any list that the caller may change before they are sent."""
    if not any(column.array for column in table.columns):
        return list(rows)
    return [
        tuple([list(value) if isinstance(value, list) else value for value in row]) for row in rows
    ]
