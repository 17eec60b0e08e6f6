"""The door to PostgreSQL: one connection, opened when it is needed and again when it was lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from threading import Lock
from typing import Any, TypeVar

import psycopg
from psycopg.pq import PipelineStatus, TransactionStatus

from consumer.adapters.postgresql.meaning import meant, wants_new_session
from consumer.adapters.postgresql.patience import PatientConnection
from consumer.adapters.postgresql.url import said, understood
from consumer.errors import Closed

T = TypeVar("T")

Cursor = psycopg.Cursor[tuple[Any, ...]]

#: Seconds to wait for a connection, to each host. To wait out an outage is the engine's business.
_CONNECT_SECONDS = 5

#: So a server whose machine is gone is noticed within 25 s, also by who waits for an answer.
_ALIVE = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,  # milliseconds
}


#: A plan that was made while a table was small, and is kept, reads all of it once it is large.
_PLANS = ("plan_cache_mode", "force_custom_plan")


class Database:
    """A connection to the database that `url` names, for any thread, one transaction at a time.

    With `pooled` nothing is kept in the session: a pooler may hand each transaction to another one. No
    statement, and no pause within a transaction, may take longer than `seconds` (None: as the server
    says): so a process that was stopped holds its locks no longer than that. Raises `Misconfigured`
    for a URL that cannot be one; the server is not asked before the first transaction.
    """

    def __init__(
        self,
        url: str,
        *,
        password: Callable[[], str | None] = lambda: None,
        pooled: bool = False,
        seconds: float | None = None,
    ) -> None:
        self._given = understood(url)
        self._password = password
        self._pooled = pooled
        self._seconds = seconds
        self._limits = () if seconds is None else _limits(seconds)
        self._lock = Lock()
        self._connection: PatientConnection | None = None
        self._closed = False

    @contextmanager
    def transaction(self) -> Iterator[Cursor]:
        """Commits when the block ends well. Raises `Transient`, `Conflict`, `Misconfigured` and `Closed`;
        what PostgreSQL says of the data itself passes as it is.

        Each statement reads what was committed before it (READ COMMITTED, whatever the server's default).
        """
        with self._step(), ExitStack() as stack:
            connection = self._begun(stack)
            cursor = stack.enter_context(connection.cursor())
            if self._pooled and self._limits:
                cursor.execute(self._local_limits())
            try:
                yield cursor
            except psycopg.Rollback as word:  # psycopg would take it for an end that went well
                raise psycopg.ProgrammingError(
                    "the transaction was undone within its block"
                ) from word
            _refuse_if_ended(connection)

    def once(self, statement: bytes, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """The rows of one statement, which is a transaction of its own: one round trip. Raises as
        `transaction` does. Where the connection is lost it may be run twice, so it must be one that may.
        """
        with self._step():
            return self._again_if_lost(
                lambda connection: self._asked(connection, statement, values)
            )

    def close(self) -> None:
        """Lets the connection go. Safe to call twice."""
        self._closed = True
        with self._lock:
            self._let_go()

    @contextmanager
    def _step(self) -> Iterator[None]:
        """One thread at a time, with our errors, and never a connection left in the middle of something."""
        with self._lock:
            if self._closed:
                raise Closed("the connection to PostgreSQL is closed")
            try:
                yield
            except psycopg.Error as cause:
                if wants_new_session(cause):
                    self._let_go()
                raise meant(cause) from cause
            finally:
                if self._connection is not None and not _is_at_rest(self._connection):
                    self._let_go()

    def _begun(self, stack: ExitStack) -> PatientConnection:
        def begin(connection: PatientConnection) -> PatientConnection:
            stack.enter_context(connection.transaction())
            return connection

        return self._again_if_lost(begin)

    def _asked(
        self, connection: PatientConnection, statement: bytes, values: Sequence[object]
    ) -> list[tuple[Any, ...]]:
        if not (self._pooled and self._limits):
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []
        # In one message, and so one transaction; several statements take no values from the server's side.
        with psycopg.ClientCursor(connection) as mixed:
            mixed.execute(self._local_limits() + b"; " + statement, values)
            while mixed.nextset():
                pass
            return mixed.fetchall() if mixed.description else []

    def _again_if_lost(self, first: Callable[[PatientConnection], T]) -> T:
        """What `first` returns, tried once more where a connection turns out to have been lost at rest:
        a firewall, a pooler or a restart may cut what nobody uses, and nothing has happened yet.
        """
        was_open = self._connection is not None
        connection = self._opened()
        try:
            return first(connection)
        except psycopg.OperationalError:
            if not (was_open and connection.broken):
                raise
            self._let_go()
            return first(self._opened())

    def _opened(self) -> PatientConnection:
        if self._connection is None:
            connection = PatientConnection.connect(**self._parameters())
            connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
            connection.seconds = self._seconds
            self._connection = connection
        return self._connection

    def _parameters(self) -> dict[str, Any]:
        """What the URL says goes before what we would; it may be another password at each connection."""
        parameters: dict[str, Any] = {
            **_ALIVE,
            "fallback_application_name": "projections",
            "connect_timeout": said(self._given, "connect_timeout") or _CONNECT_SECONDS,
            **self._given,
            "autocommit": True,
            # A pooler may not know what was prepared.
            "prepare_threshold": None if self._pooled else 5,
        }
        if (password := self._password()) is not None:
            parameters["password"] = password
        if not self._pooled:  # poolers refuse what they do not know at a session's start
            ours = (f"-c {name}={value}" for name, value in (_PLANS, *self._limits))
            parameters["options"] = " ".join(filter(None, (said(self._given, "options"), *ours)))
        return parameters

    def _local_limits(self) -> bytes:
        return "; ".join(f"SET LOCAL {name} = {value}" for name, value in self._limits).encode()

    def _let_go(self) -> None:
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None


def _refuse_if_ended(connection: PatientConnection) -> None:
    """PostgreSQL answers a COMMIT after a failed statement with a rollback, and with no error."""
    status = connection.info.transaction_status
    if status == TransactionStatus.INERROR:
        raise psycopg.errors.InFailedSqlTransaction(
            "a statement of the transaction failed and its error was held back, so nothing can be committed"
        )
    if status == TransactionStatus.IDLE:
        raise psycopg.ProgrammingError("the transaction was ended by a statement within it")


def _is_at_rest(connection: PatientConnection) -> bool:
    return (
        not connection.closed
        and connection.info.transaction_status == TransactionStatus.IDLE
        and connection.info.pipeline_status == PipelineStatus.OFF
    )


def _limits(seconds: float) -> tuple[tuple[str, int], ...]:
    milliseconds = max(1, int(seconds * 1000))
    return (
        ("statement_timeout", milliseconds),
        ("idle_in_transaction_session_timeout", milliseconds),
    )
