"""What may take longer than a statement of everyday."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from consumer.adapters.postgresql.connection import Cursor
from consumer.adapters.postgresql.patience import PatientConnection


@contextmanager
def unhurried(cursor: Cursor) -> Iterator[None]:
    """Within the block neither the server nor we end a statement, however long it takes. A pause between
    two statements is as limited as ever, so who was stopped holds its locks no longer than before.
    """
    connection = cursor.connection
    cursor.execute("SET LOCAL statement_timeout = 0")
    if not isinstance(connection, PatientConnection):
        yield
        return
    seconds, connection.seconds = connection.seconds, None
    try:
        yield
    finally:
        connection.seconds = seconds
