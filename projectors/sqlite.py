"""SQL of one's own in a SQLite file, effectively once."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from typing import ClassVar

from projectors.sql import SqlProjector

#: It is gone if the transaction in which it was made is.
_MARK = "projection_apply"


class SqliteProjector(SqlProjector[sqlite3.Cursor]):
    """Writes SQL to a SQLite file, in the transaction that moves the offset: each event counts once.

    A subclass has a `name`, what it `handles`, and `apply(batch, cursor)`; `setup(cursor)` and `empty(cursor)`
    where there is something to make, or to rebuild. The settings name the file: `read_model: {sqlite: {path: …}}`.
    The file is locked while `apply` runs, so others who write to it wait for so long.
    """

    read_models: ClassVar[Collection[str]] = frozenset({"sqlite"})

    def _mark(self, cursor: sqlite3.Cursor) -> None:
        cursor.execute(f"SAVEPOINT {_MARK}")

    def _has_ended(self, cursor: sqlite3.Cursor) -> bool:
        try:
            cursor.execute(f"RELEASE {_MARK}")
        except sqlite3.OperationalError as cause:
            if "no such savepoint" not in str(cause):
                raise
            return True
        return False
