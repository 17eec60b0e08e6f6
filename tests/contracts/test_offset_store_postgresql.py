"""The suites of what is kept in PostgreSQL beside read models: checkpoints, leases, the audit."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from consumer.adapters.postgresql.audit import PostgresqlAudit
from consumer.adapters.postgresql.checkpoint_tables import definitions
from consumer.adapters.postgresql.connection import Database
from consumer.adapters.postgresql.offset_store import PostgresqlOffsetStore
from consumer.adapters.postgresql.presence import PostgresqlPresence
from consumer.errors import Fenced, Misconfigured, NewerRecord, OffsetLost, Transient
from consumer.model.condition import Condition
from consumer.model.position import Partition
from consumer.model.reset import KEPT
from consumer.ports.audit import Audit
from consumer.ports.offset_store import OffsetStore
from consumer.ports.presence import Presence
from tests.contracts.audit_contract import DurableAuditContract, reset
from tests.contracts.offset_store_contract import (
    HALTED,
    LOG,
    ORDERS,
    DurableOffsetStoreContract,
    at,
    checkpoint_in,
    claimed,
    offset_in,
)
from tests.contracts.presence_contract import (
    LONG,
    SHORT,
    SharedPresenceContract,
    wait_until_gone,
)

TABLES = ("projection_checkpoints", "projection_store", "projection_presence", "projection_audit")
PLACE = "WHERE projection = %s AND topic = %s AND partition = %s"


class Direct:
    """A database behind the store's back."""

    def __init__(self, url: str) -> None:
        self.url = url

    def execute(self, statement: str, values: tuple[Any, ...] = ()) -> list[dict[str, Any]]:
        with psycopg.connect(self.url, autocommit=True, row_factory=dict_row) as connection:
            cursor = connection.execute(statement.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def has(self, table: str) -> bool:
        return self.execute("SELECT to_regclass(%s) AS it", (table,))[0]["it"] is not None


class PostgresqlRecords:
    def __init__(self, direct: Direct) -> None:
        self._direct = direct

    def lose(self) -> None:
        if self._direct.has("projection_checkpoints"):
            self._direct.execute("TRUNCATE projection_checkpoints, projection_store")

    def forget(self, projection: str, partition: Partition) -> None:
        place = (projection, partition.topic, partition.number)
        self._direct.execute(f"DELETE FROM projection_checkpoints {PLACE}", place)

    def read(self, projection: str, partition: Partition) -> dict[str, str]:
        place = (projection, partition.topic, partition.number)
        if not self._direct.has("projection_checkpoints"):
            return {}
        rows = self._direct.execute(f"SELECT * FROM projection_checkpoints {PLACE}", place)
        return rows[0] if rows else {}

    def change(self, projection: str, partition: Partition, /, **fields: str) -> None:
        place = (projection, partition.topic, partition.number)
        for name, value in fields.items():
            self._direct.execute(
                f'ALTER TABLE projection_checkpoints ADD COLUMN IF NOT EXISTS "{name}" text'
            )
            self._direct.execute(
                f'UPDATE projection_checkpoints SET "{name}" = %s {PLACE}', (value, *place)
            )


@pytest.fixture
def direct(postgresql: Any) -> Direct:
    return Direct(postgresql.database())


@pytest.fixture
def database(direct: Direct) -> Callable[[], Database]:
    return lambda: Database(direct.url, seconds=5)


@pytest.fixture
def pooled(direct: Direct, pgbouncer: Any) -> Callable[[], Database]:
    return lambda: Database(pgbouncer.url(direct.url), seconds=5, pooled=True)


class PostgresqlOffsetStoreContract(DurableOffsetStoreContract):
    @pytest.fixture
    def records(self, direct: Direct) -> PostgresqlRecords:
        return PostgresqlRecords(direct)


class TestPostgresqlOffsetStore(PostgresqlOffsetStoreContract):
    @pytest.fixture
    def open_store(self, database: Callable[[], Database]) -> Callable[[], OffsetStore]:
        return lambda: PostgresqlOffsetStore(database())


class TestPooledPostgresqlOffsetStore(PostgresqlOffsetStoreContract):
    @pytest.fixture
    def open_store(self, pooled: Callable[[], Database]) -> Callable[[], OffsetStore]:
        return lambda: PostgresqlOffsetStore(pooled())


class TestPostgresqlPresence(SharedPresenceContract):
    @pytest.fixture
    def open_presence(self, database: Callable[[], Database]) -> Callable[[], Presence]:
        return lambda: PostgresqlPresence(database())


class TestPooledPostgresqlPresence(SharedPresenceContract):
    @pytest.fixture
    def open_presence(self, pooled: Callable[[], Database]) -> Callable[[], Presence]:
        return lambda: PostgresqlPresence(pooled())


class PostgresqlAuditContract(DurableAuditContract):
    @pytest.fixture
    def damage(self, direct: Direct) -> Callable[[bytes], None]:
        def write(record: bytes) -> None:
            for definition in definitions("public"):
                direct.execute(definition)
            direct.execute(
                "INSERT INTO projection_audit (projection, reset) VALUES ('customers', %s)",
                (record.decode(),),
            )

        return write


class TestPostgresqlAudit(PostgresqlAuditContract):
    @pytest.fixture
    def open_audit(self, database: Callable[[], Database]) -> Callable[[], Audit]:
        return lambda: PostgresqlAudit(database())

    @pytest.fixture
    def store(self, database: Callable[[], Database]) -> Iterator[OffsetStore]:
        with closing(PostgresqlOffsetStore(database())) as store:
            yield store


class TestPooledPostgresqlAudit(PostgresqlAuditContract):
    @pytest.fixture
    def open_audit(self, pooled: Callable[[], Database]) -> Callable[[], Audit]:
        return lambda: PostgresqlAudit(pooled())

    @pytest.fixture
    def store(self, pooled: Callable[[], Database]) -> Iterator[OffsetStore]:
        with closing(PostgresqlOffsetStore(pooled())) as store:
            yield store
