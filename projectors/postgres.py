"""SQL of one's own in PostgreSQL, effectively once."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, ClassVar

from projectors.sql import SqlProjector

if TYPE_CHECKING:
    import psycopg

    #: What `apply` is given.
    Cursor = psycopg.Cursor[tuple[Any, ...]]

#: libpq's PQTRANS_IDLE: no transaction.
_IDLE = 0
#: What psycopg says of `connection.commit()` and `connection.rollback()`.
_FORBIDDEN = "forbidden within a Transaction context"


class PostgresProjector(SqlProjector["Cursor"]):
    """Writes SQL to PostgreSQL, in the transaction that moves the offset: each event counts once.

    A subclass has a `name`, what it `handles`, and `apply(batch, cursor)`, with psycopg's cursor; `setup(cursor)` and
    `empty(cursor)` where there is something to make, or to rebuild. The settings name the database: `read_model:
    {postgresql: {url: …}}`. Tables are found as the URL's role finds them: name another schema in the SQL.

    Partitions are projected at once by several workers: where they write the same rows, write them in one order,
    say sorted by their key, or PostgreSQL breaks a deadlock, and the transaction runs again.
    """

    read_models: ClassVar[Collection[str]] = frozenset({"postgresql"})

    def _within(self, cursor: Cursor, method: str, call: Callable[[], object]) -> None:
        try:
            super()._within(cursor, method, call)
        except Exception as cause:
            if _FORBIDDEN in str(cause):
                raise self._ended() from cause
            raise

    def _has_ended(self, cursor: Cursor) -> bool:
        return int(cursor.connection.info.transaction_status) == _IDLE
