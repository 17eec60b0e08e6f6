"""The door to a SQLite file: opening it, one step at a time in it, and what its errors mean to us."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from consumer.errors import Closed, Misconfigured, Transient

#: Seconds to wait for another process's write, before a call fails as `Transient`.
BUSY = 2.0

#: What ends by itself, or once somebody made room: worth the same call again.
_PASSING = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL", "SQLITE_READONLY", "SQLITE_IOERR")
#: What a value does that breaks a constraint, or is of no type that SQLite knows.
_OF_DATA = (
    sqlite3.IntegrityError,
    sqlite3.DataError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
)


class SqliteFile:
    """A connection to the file at `path`, which is made if need be (its folder is not), for any thread.

    What is written is on the disk when the step ends. The file must not lie on a network file system.
    """

    def __init__(self, path: str | Path, prepare: Callable[[sqlite3.Connection], None]) -> None:
        """`prepare` makes the tables where there are none."""
        self._path = Path(path)
        self._lock = Lock()
        self._closed = False
        with self._reachable():
            self.connection = sqlite3.connect(
                self._path, timeout=BUSY, isolation_level=None, check_same_thread=False
            )
            try:
                _write_ahead(self.connection)
                self.connection.execute("PRAGMA synchronous = FULL")
                prepare(self.connection)
            except BaseException:
                self.connection.close()
                raise

    @contextmanager
    def open(self) -> Iterator[sqlite3.Connection]:
        """One thread of this process at a time. Raises `Transient`, `Misconfigured` and `Closed`."""
        with self._lock, self._reachable():
            if self._closed:
                raise Closed(f"the SQLite file {self._path} is closed")
            yield self.connection

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """As `open`; all that is read is of one moment, whatever others write meanwhile."""
        with self.open() as connection:
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                if connection.in_transaction:  # some errors end it by themselves
                    connection.execute("ROLLBACK")

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """As `open`, one writer at a time in all processes; nothing is written where the block raises."""
        with self.open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def roll_back(self) -> None:
        """Ends what began in a former step, if anything did, and writes nothing of it."""
        with self._lock, self._reachable():
            if not self._closed and self.connection.in_transaction:
                self.connection.execute("ROLLBACK")

    def outage(self, cause: sqlite3.Error) -> Transient | None:
        """What the error is to us, if it passes."""
        if getattr(cause, "sqlite_errorname", "").startswith(_PASSING):
            return Transient(f"the SQLite file {self._path} cannot be used for now: {cause}")
        return None

    def close(self) -> None:
        """Lets the connection go. Safe to call twice."""
        with self._lock:
            self._closed = True
            self.connection.close()

    @contextmanager
    def _reachable(self) -> Iterator[None]:
        """Turns errors of SQLite that are raised inside into ours."""
        try:
            yield
        except sqlite3.Error as cause:
            if outage := self.outage(cause):
                raise outage from cause
            if isinstance(cause, _OF_DATA):
                raise
            raise Misconfigured(f"the SQLite file {self._path} cannot be used: {cause}") from cause


def _write_ahead(connection: sqlite3.Connection) -> None:
    """In a log of its own a write neither waits for readers nor makes them wait.

    SQLite does not wait for the lock that this takes, so we do: several processes may open a new file.
    """
    until = time.monotonic() + BUSY
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return
