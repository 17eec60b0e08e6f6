"""What is kept in PostgreSQL."""

from __future__ import annotations

from contextlib import closing

from consumer.adapters.postgresql.audit import PostgresqlAudit
from consumer.adapters.postgresql.connection import Database
from consumer.adapters.postgresql.offset_store import PostgresqlOffsetStore
from consumer.adapters.postgresql.presence import PostgresqlPresence
from consumer.adapters.postgresql.read_model import PostgresqlReadModel
from consumer.ports.audit import Audit
from consumer.ports.offset_store import OffsetStore
from consumer.ports.presence import Presence
from consumer.ports.read_model import ReadModel
from consumer.settings.postgresql import PostgresqlConnection

#: Seconds for a statement: each is about a row or a few, and the engine waits an outage out.
_SECONDS = 5.0


def read_model(settings: PostgresqlConnection, *, seconds: float | None) -> ReadModel:
    """The rows of a projection; the server is first asked when it is used. Raises `Misconfigured`."""
    return PostgresqlReadModel(
        settings.url.get_secret_value(),
        password=lambda: settings.secret,
        schema=settings.db_schema,
        pooled=settings.pooled,
        create_tables=settings.create_tables,
        seconds=seconds,
    )


def reach(settings: PostgresqlConnection) -> None:
    """Returns if the database answers; raises `Misconfigured` and `Transient`."""
    with closing(_database(settings)) as database, database.transaction() as cursor:
        cursor.execute("SELECT")


def offset_store(settings: PostgresqlConnection) -> OffsetStore:
    """The store; its server is first asked when it is used. Raises `Misconfigured`."""
    return PostgresqlOffsetStore(
        _database(settings), schema=settings.db_schema, create_tables=settings.create_tables
    )


def presence(settings: PostgresqlConnection) -> Presence:
    """The leases of owners beside the checkpoints. Raises `Misconfigured`."""
    return PostgresqlPresence(
        _database(settings), schema=settings.db_schema, create_tables=settings.create_tables
    )


def audit(settings: PostgresqlConnection) -> Audit:
    """The records of resets beside the checkpoints. Raises `Misconfigured`."""
    return PostgresqlAudit(
        _database(settings), schema=settings.db_schema, create_tables=settings.create_tables
    )


def _database(settings: PostgresqlConnection) -> Database:
    return Database(
        settings.url.get_secret_value(),
        password=lambda: settings.secret,
        pooled=settings.pooled,
        seconds=_SECONDS,
    )
