"""The door to a SQLite file: opening it, one step at a time in it, and what its errors mean to us."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from consumer.errors import Closed, ConsumerError, Misconfigured, Transient

#: Seconds to wait for another process's write, before a call fails as `Transient`.
BUSY = 2.0

#: What ends by itself, or once somebody made room: worth the same call again.
_PASSING = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL", "SQLITE_READONLY", "SQLITE_IOERR")


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
                raise Closed(f"the offset store {self._path} is closed")
            yield self.connection

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

    def close(self) -> None:
        """Lets the connection go. Safe to call twice."""
        with self._lock:
            self._closed = True
            self.connection.close()

    @contextmanager
    def _reachable(self) -> Iterator[None]:
        """Turns every error of SQLite that is raised inside into one of ours."""
        try:
            yield
        except sqlite3.Error as cause:
            raise _ours(self._path, cause) from cause


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


def _ours(path: Path, cause: sqlite3.Error) -> ConsumerError:
    name = getattr(cause, "sqlite_errorname", "")
    if name.startswith(_PASSING):
        return Transient(f"the offset store {path} cannot be used for now: {cause}")
    return Misconfigured(f"the offset store {path} cannot be used: {cause}")
