"""Who lives, in the SQLite file that holds the checkpoints."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection
from pathlib import Path

from consumer.adapters.sqlite.file import SqliteFile

_TABLE = """
CREATE TABLE IF NOT EXISTS projection_presence (
    owner TEXT PRIMARY KEY,
    expires_at REAL NOT NULL  -- seconds since 1970
) WITHOUT ROWID
"""


class SqlitePresence:
    """The `Presence` in a file, for the processes of one machine and by its clock."""

    def __init__(self, path: str | Path) -> None:
        self._file = SqliteFile(path, _prepare)

    def extend(self, owner: str, seconds: float) -> None:
        """As `Presence.extend`; leases that ran out are cleared away."""
        now = time.time()
        with self._file.writing() as connection:
            connection.execute("DELETE FROM projection_presence WHERE expires_at <= ?", (now,))
            connection.execute(
                "INSERT OR REPLACE INTO projection_presence (owner, expires_at) VALUES (?, ?)",
                (owner, now + seconds),
            )

    def leave(self, owner: str) -> None:
        """As `Presence.leave`."""
        with self._file.writing() as connection:
            connection.execute("DELETE FROM projection_presence WHERE owner = ?", (owner,))

    def present(self, owners: Collection[str]) -> frozenset[str]:
        """As `Presence.present`."""
        with self._file.open() as connection:
            rows = connection.execute(
                "SELECT owner FROM projection_presence WHERE expires_at > ?", (time.time(),)
            ).fetchall()
        return frozenset(owner for (owner,) in rows if owner in owners)

    def close(self) -> None:
        """As `Presence.close`."""
        self._file.close()


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute(_TABLE)
