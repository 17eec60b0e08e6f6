"""The suite of `Audit` on each of ours, and what only one of them can do."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from consumer.adapters.memory.audit import MemoryAudit
from consumer.adapters.memory.offset_store import MemoryOffsetStore
from consumer.adapters.redis.audit import RedisAudit
from consumer.adapters.redis.connection import Client, connect
from consumer.adapters.redis.offset_store import RedisOffsetStore
from consumer.adapters.sqlite.audit import SqliteAudit
from consumer.adapters.sqlite.offset_store import SqliteOffsetStore
from consumer.embedded.process import free_port
from consumer.errors import Misconfigured, Transient
from consumer.ports.audit import Audit
from consumer.ports.offset_store import OffsetStore
from tests.contracts.audit_contract import AuditContract, DurableAuditContract, reset
from tests.contracts.losing_proxy import LosingProxy
from tests.contracts.redis_servers import SERVERS, clients_of


class TestMemoryAudit(AuditContract):
    @pytest.fixture
    def audit(self) -> Audit:
        return MemoryAudit()

    @pytest.fixture
    def store(self) -> OffsetStore:
        return MemoryOffsetStore()


class TestSqliteAudit(DurableAuditContract):
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "offsets.db"

    @pytest.fixture
    def open_audit(self, path: Path) -> Callable[[], Audit]:
        return lambda: SqliteAudit(path)

    @pytest.fixture
    def store(self, path: Path) -> Iterator[OffsetStore]:
        store = SqliteOffsetStore(path)
        yield store
        store.close()

    @pytest.fixture
    def damage(self, audit: Audit, path: Path) -> Callable[[bytes], None]:
        def write(record: bytes) -> None:
            connection = sqlite3.connect(path, isolation_level=None)
            connection.execute(
                "INSERT INTO projection_audit (projection, reset) VALUES ('customers', ?)",
                (record,),
            )
            connection.close()

        return write

    def test_a_file_that_another_process_locks_is_waited_out(
        self, audit: SqliteAudit, path: Path
    ) -> None:
        audit._file.connection.execute("PRAGMA busy_timeout = 10")
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN EXCLUSIVE")

        with pytest.raises(Transient, match=r"offsets\.db.*locked"):
            audit.record(reset())
        holder.execute("ROLLBACK")
        holder.close()

        assert list(audit.records("customers")) == []
        audit.record(reset())


class TestRedisAudit(DurableAuditContract):
    @pytest.fixture(params=SERVERS)
    def new_client(self, request: pytest.FixtureRequest) -> Callable[[], Client]:
        return clients_of(request)

    @pytest.fixture
    def prefix(self) -> str:
        return f"test-{uuid.uuid4().hex}"

    @pytest.fixture
    def open_audit(self, new_client: Callable[[], Client], prefix: str) -> Callable[[], Audit]:
        return lambda: RedisAudit(new_client(), prefix=prefix)

    @pytest.fixture
    def store(self, new_client: Callable[[], Client], prefix: str) -> Iterator[OffsetStore]:
        store = RedisOffsetStore(new_client(), prefix=prefix)
        yield store
        store.close()

    @pytest.fixture
    def client(self, new_client: Callable[[], Client]) -> Iterator[Any]:
        client = new_client()
        yield client
        client.close()

    @pytest.fixture
    def damage(self, client: Any, prefix: str) -> Callable[[bytes], None]:
        return lambda record: client.rpush(f"{prefix}:audit:customers", record)

    def test_records_under_different_prefixes_are_apart(
        self, audit: Audit, new_client: Callable[[], Client], prefix: str
    ) -> None:
        audit.record(reset())
        elsewhere = RedisAudit(new_client(), prefix=f"{prefix}-2")

        assert list(elsewhere.records("customers")) == []
        elsewhere.close()

    def test_a_key_that_somebody_else_uses_is_named_not_overwritten(
        self, audit: Audit, client: Any, prefix: str
    ) -> None:
        client.set(f"{prefix}:audit:customers", "theirs")

        for call in (lambda: audit.record(reset()), lambda: audit.records("customers")):
            with pytest.raises(Misconfigured, match=r"customers.*WRONGTYPE"):
                call()
        assert client.get(f"{prefix}:audit:customers") == b"theirs"


def test_a_redis_that_is_away_is_waited_out() -> None:
    audit = RedisAudit(connect(f"redis://127.0.0.1:{free_port()}/0"), prefix="prod")

    for call in (lambda: audit.record(reset()), lambda: audit.records("customers")):
        with pytest.raises(Transient):
            call()
    audit.close()


def test_a_record_whose_reply_was_lost_is_there_once(valkey: Any) -> None:
    with LosingProxy(valkey.url) as proxy:
        audit = RedisAudit(connect(proxy.url), prefix=f"test-{uuid.uuid4().hex}")
        audit.record(reset(1))  # the script is known to the server
        proxy.lose_reply_to(b"EVALSHA")
        audit.record(reset(2))
        audit.record(reset(3))

        assert proxy.lost == 1
        assert list(audit.records("customers")) == [reset(1), reset(2), reset(3)]
        audit.close()
