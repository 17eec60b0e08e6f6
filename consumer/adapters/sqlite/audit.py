"""The records of resets, in the SQLite file that holds the checkpoints."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from consumer.adapters.sqlite.file import SqliteFile
from consumer.model.names import validated_name
from consumer.model.reset import KEPT, Reset, decoded, encoded

_TABLE = """
CREATE TABLE IF NOT EXISTS projection_audit (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    projection TEXT NOT NULL,
    reset BLOB NOT NULL  -- JSON
)
"""

_CAP = """
DELETE FROM projection_audit WHERE projection = ? AND number NOT IN (
    SELECT number FROM projection_audit WHERE projection = ? ORDER BY number DESC LIMIT ?)
"""


class SqliteAudit:
    """The `Audit` in a file."""

    def __init__(self, path: str | Path) -> None:
        self._file = SqliteFile(path, _prepare)

    def record(self, reset: Reset) -> None:
        """As `Audit.record`."""
        name = validated_name(reset.projection)
        with self._file.writing() as connection:
            connection.execute(
                "INSERT INTO projection_audit (projection, reset) VALUES (?, ?)",
                (name, encoded(reset)),
            )
            connection.execute(_CAP, (name, name, KEPT))

    def records(self, projection: str) -> Sequence[Reset]:
        """As `Audit.records`."""
        name = validated_name(projection)
        with self._file.open() as connection:
            rows = connection.execute(
                "SELECT reset FROM projection_audit WHERE projection = ? ORDER BY number", (name,)
            ).fetchall()
        return [decoded(record) for (record,) in rows]

    def close(self) -> None:
        """As `Audit.close`."""
        self._file.close()


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute(_TABLE)
