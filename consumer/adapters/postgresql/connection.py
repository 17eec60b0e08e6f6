"""The door to PostgreSQL: one connection, opened when it is needed and again when it was lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Lock
from typing import Any

import psycopg

from consumer.adapters.postgresql.meaning import meant
from consumer.errors import Closed

Cursor = psycopg.Cursor[tuple[Any, ...]]

#: Seconds to wait for a connection.
_CONNECT_SECONDS = 10


class Database:
    """A connection to the database that `url` names, for any thread, one transaction at a time.

    With `pooled` nothing is kept in the session: a pooler may hand each transaction to another one. No
    statement, and no pause within a transaction, may take longer than `seconds` (None: as the server
    says): so a process that was stopped holds its locks no longer than that.
    """

    def __init__(
        self,
        url: str,
        *,
        password: Callable[[], str | None] = lambda: None,
        pooled: bool = False,
        seconds: float | None = None,
    ) -> None:
        self._url = url
        self._password = password
        self._pooled = pooled
        self._limits = () if seconds is None else _limits(seconds)
        self._lock = Lock()
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None
        self._closed = False

    @contextmanager
    def transaction(self) -> Iterator[Cursor]:
        """Commits when the block ends well. Raises `Transient`, `Conflict`, `Misconfigured` and `Closed`;
        what PostgreSQL says of the data itself passes as it is.
        """
        with self._lock:
            if self._closed:
                raise Closed("the connection to PostgreSQL is closed")
            try:
                connection = self._opened()
                with connection.transaction(), connection.cursor() as cursor:
                    if self._pooled:
                        for name, value in self._limits:
                            cursor.execute(f"SET LOCAL {name} = {value}")
                    yield cursor
            except psycopg.Error as cause:
                raise meant(cause) from cause
            finally:
                self._let_go_if_broken()

    def close(self) -> None:
        """Lets the connection go. Safe to call twice."""
        self._closed = True
        with self._lock:
            self._let_go()

    def _opened(self) -> psycopg.Connection[tuple[Any, ...]]:
        if self._connection is None:
            more: dict[str, Any] = {}
            if (password := self._password()) is not None:
                more["password"] = password
            if not self._pooled:  # poolers refuse what they do not know at the start of a session
                more["options"] = " ".join(f"-c {name}={value}" for name, value in self._limits)
            self._connection = psycopg.connect(
                self._url,
                autocommit=True,
                # A pooler may not know what was prepared.
                prepare_threshold=None if self._pooled else 5,
                connect_timeout=_CONNECT_SECONDS,
                application_name="projections",
                **more,
            )
        return self._connection

    def _let_go_if_broken(self) -> None:
        if self._connection is not None and (self._connection.closed or self._connection.broken):
            self._let_go()

    def _let_go(self) -> None:
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None


def _limits(seconds: float) -> tuple[tuple[str, int], ...]:
    milliseconds = max(1, int(seconds * 1000))
    return (
        ("statement_timeout", milliseconds),
        ("idle_in_transaction_session_timeout", milliseconds),
    )
