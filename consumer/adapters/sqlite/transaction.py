"""A transaction of a read model in a SQLite file, which holds the file's one lock as shortly as can be."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import msgspec

from consumer.adapters.sqlite.file import SqliteFile
from consumer.adapters.sqlite.rows import Rows, rows_of
from consumer.errors import Conflict, Misconfigured
from consumer.model.table import Key, Row, Table

Step = Callable[[sqlite3.Connection], None]


class _Loaded(msgspec.Struct, frozen=True):
    """What was found when, so that it can be looked up again."""

    rows: Rows
    keys: Sequence[Key]
    found: Sequence[Row]
    version: tuple[int, int]


class SqliteTransaction:
    """The `Transaction`: notes what is to be written, and does it at the end, or once a cursor is asked for.

    Before that it holds no lock: whoever is stopped while it folds makes nobody wait. What others wrote
    in between is known by comparing what was loaded.
    """

    def __init__(
        self, file: SqliteFile, check: Callable[[sqlite3.Connection], bool], *, is_repeated: bool
    ) -> None:
        """`check` tells, under the lock, whether all this is repeated, or raises."""
        self.is_repeated = is_repeated
        self._file = file
        self._check = check
        self._loaded: list[_Loaded] = []
        self._steps: list[Step] = []
        self._has_begun = False
        #: What a step raised, if one did.
        self._failed: Exception | None = None

    def load(self, table: Table, keys: Sequence[Key]) -> Mapping[Key, Row]:
        """As `Transaction.load`."""
        rows = rows_of(table)
        asked = rows.encoded_keys(keys)
        if self._has_begun:
            with self._file.open() as connection:
                found = rows.read(connection, asked)
        else:
            with self._file.reading() as connection:
                version = _version(connection)  # first: it is that of all that is read from now on
                found = rows.read(connection, asked)
            self._loaded.append(_Loaded(rows, asked, found, version))
        return rows.decoded(found)

    def write(self, table: Table, rows: Iterable[Row], gone: Iterable[Key] = ()) -> None:
        """As `Transaction.write`."""
        of = rows_of(table)
        if placed := of.encoded(rows):
            self._do(partial(of.upsert, rows=placed))
        if deleted := of.encoded_keys(gone):
            self._do(partial(of.delete, keys=deleted))

    def append(self, table: Table, rows: Iterable[Row]) -> None:
        """As `Transaction.append`; a key that is taken raises `RowRefused`."""
        of = rows_of(table)
        self._do(partial(of.append, rows=of.encoded(rows)))

    def clear(self, table: Table) -> None:
        """As `Transaction.clear`."""
        self._do(rows_of(table).clear)

    @property
    def cursor(self) -> sqlite3.Cursor:
        """As `Transaction.cursor`. From now on no other process writes to the file until the block ends."""
        self.begin()
        with self._file.open() as connection:
            return connection.cursor(_Cursor)

    def begin(self) -> None:
        """Takes the lock, checks, and writes what was noted; `Conflict` where others wrote what was loaded."""
        if self._has_begun:
            return
        with self._file.open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            self._has_begun = True
            self.is_repeated = self._check(connection)
            if self.is_repeated:
                return
            self._compare(connection)
            for step in self._steps:
                self._run(step, connection)
            self._steps.clear()

    def commit(self, settle: Step) -> None:
        """Settles what goes with the rows, and writes all to the disk; nothing where it is repeated."""
        if self.is_repeated:
            return
        self.begin()
        if self._failed is not None:  # whatever the projector made of it: half of a write is none
            raise self._failed
        with self._file.open() as connection:
            if not connection.in_transaction:
                raise Misconfigured(
                    "the projector ended the transaction by itself, so its rows may be written without "
                    "the offset: it must neither commit nor roll back"
                )
            if not self.is_repeated:
                settle(connection)
                connection.execute("COMMIT")

    def undo(self) -> None:
        """Writes nothing of what was not committed."""
        if self._has_begun:
            self._file.roll_back()

    def _compare(self, connection: sqlite3.Connection) -> None:
        version = _version(connection)
        for loaded in self._loaded:
            # The version is the file's: most often somebody wrote other rows, or a sign of life.
            if loaded.version == version:
                continue
            if set(loaded.rows.read(connection, loaded.keys)) != set(loaded.found):
                raise Conflict(
                    f"another writer changed rows of {loaded.rows.table.name} that were loaded"
                )

    def _do(self, step: Step) -> None:
        if not self._has_begun:
            self._steps.append(step)
            return
        with self._file.open() as connection:
            self._run(step, connection)

    def _run(self, step: Step, connection: sqlite3.Connection) -> None:
        try:
            step(connection)
        except Exception as cause:
            self._failed = cause
            raise


class _Cursor(sqlite3.Cursor):
    """A cursor whose scripts stay in the transaction: sqlite3's own commits before it runs one."""

    def executescript(self, sql_script: str, /) -> sqlite3.Cursor:
        statement = ""
        for part in sql_script.split(";"):
            statement += part + ";"
            if sqlite3.complete_statement(statement):
                self.execute(statement)
                statement = ""
        if statement.strip("; \t\r\n"):
            self.execute(statement)
        return self


def _version(connection: sqlite3.Connection) -> tuple[int, int]:
    """Changes whenever another connection writes to the file, or this one does."""
    (others,) = connection.execute("PRAGMA data_version").fetchone()
    return others, connection.total_changes
