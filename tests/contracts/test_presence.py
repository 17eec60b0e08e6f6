"""The suite of `Presence` on each of ours, and what only one of them can do."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from consumer.adapters.memory.presence import MemoryPresence
from consumer.adapters.redis.connection import Client, connect
from consumer.adapters.redis.offset_store import RedisOffsetStore
from consumer.adapters.redis.presence import RedisPresence
from consumer.adapters.sqlite.offset_store import SqliteOffsetStore
from consumer.adapters.sqlite.presence import SqlitePresence
from consumer.embedded.process import free_port
from consumer.errors import Misconfigured, Transient
from consumer.ports.presence import Presence
from tests.contracts.losing_proxy import LosingProxy
from tests.contracts.offset_store_contract import at, claimed, offset_in
from tests.contracts.presence_contract import (
    LONG,
    SHORT,
    PresenceContract,
    SharedPresenceContract,
    wait_until_gone,
)
from tests.contracts.redis_servers import SERVERS, clients_of


class TestMemoryPresence(PresenceContract):
    @pytest.fixture
    def presence(self) -> Presence:
        return MemoryPresence()


class TestSqlitePresence(SharedPresenceContract):
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "offsets.db"

    @pytest.fixture
    def open_presence(self, path: Path) -> Callable[[], Presence]:
        return lambda: SqlitePresence(path)

    def test_leases_lie_beside_the_checkpoints_of_a_file_and_outlive_a_reset(
        self, path: Path
    ) -> None:
        store = SqliteOffsetStore(path)
        store.commit(claimed(store), None, at(9))
        presence = SqlitePresence(path)
        presence.extend("worker-1", LONG)
        assert offset_in(store) == at(9)
        store.reset("customers")
        store.vacuum()

        assert presence.present(["worker-1"]) == {"worker-1"}
        presence.close()
        store.close()

    def test_leases_that_ran_out_are_cleared_away(self, presence: Presence, path: Path) -> None:
        for number in range(5):
            presence.extend(f"worker-{number}", SHORT)
        wait_until_gone(presence, "worker-4")
        presence.extend("worker-5", LONG)

        connection = sqlite3.connect(path)
        assert connection.execute("SELECT owner FROM projection_presence").fetchall() == [
            ("worker-5",)
        ]
        connection.close()

    def test_a_file_that_another_process_locks_is_waited_out(
        self, presence: SqlitePresence, path: Path
    ) -> None:
        presence.extend("worker-1", LONG)
        presence._file.connection.execute("PRAGMA busy_timeout = 10")
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN EXCLUSIVE")

        with pytest.raises(Transient, match=r"offsets\.db.*locked"):
            presence.extend("worker-2", LONG)
        assert presence.present(["worker-1"]) == {"worker-1"}
        holder.execute("ROLLBACK")
        holder.close()

        presence.extend("worker-2", LONG)

    def test_a_path_in_no_folder_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(Misconfigured, match=r"nowhere/offsets\.db"):
            SqlitePresence(tmp_path / "nowhere" / "offsets.db")


class TestRedisPresence(SharedPresenceContract):
    @pytest.fixture(params=SERVERS)
    def new_client(self, request: pytest.FixtureRequest) -> Callable[[], Client]:
        return clients_of(request)

    @pytest.fixture
    def prefix(self) -> str:
        return f"test-{uuid.uuid4().hex}"

    @pytest.fixture
    def open_presence(
        self, new_client: Callable[[], Client], prefix: str
    ) -> Callable[[], Presence]:
        return lambda: RedisPresence(new_client(), prefix=prefix)

    @pytest.fixture
    def client(self, new_client: Callable[[], Client]) -> Iterator[Any]:
        client = new_client()
        yield client
        client.close()

    def test_a_lease_is_a_key_that_the_server_lets_run_out(
        self, presence: Presence, client: Any, prefix: str
    ) -> None:
        presence.extend("host-1:42", 60)

        assert 50_000 < client.pttl(f"{prefix}:present:host-1:42") <= 60_000

    def test_leases_under_different_prefixes_are_apart(
        self, presence: Presence, new_client: Callable[[], Client], prefix: str
    ) -> None:
        presence.extend("worker-1", LONG)
        elsewhere = RedisPresence(new_client(), prefix=f"{prefix}-2")

        assert elsewhere.present(["worker-1"]) == frozenset()
        elsewhere.close()

    def test_leases_lie_beside_the_checkpoints_and_outlive_a_reset(
        self, presence: Presence, new_client: Callable[[], Client], prefix: str
    ) -> None:
        store = RedisOffsetStore(new_client(), prefix=prefix)
        claimed(store, "present")
        presence.extend("worker-1", LONG)
        assert list(store.list_projections()) == ["present"]
        store.reset("present")

        assert presence.present(["worker-1"]) == {"worker-1"}
        store.close()


def test_a_redis_that_is_away_is_waited_out() -> None:
    presence = RedisPresence(connect(f"redis://127.0.0.1:{free_port()}/0"), prefix="prod")

    for call in (
        lambda: presence.extend("worker-1", LONG),
        lambda: presence.leave("worker-1"),
        lambda: presence.present(["worker-1"]),
    ):
        with pytest.raises(Transient):
            call()
    presence.close()


def test_a_lost_reply_is_asked_for_again(valkey: Any) -> None:
    with LosingProxy(valkey.url) as proxy:
        presence = RedisPresence(connect(proxy.url), prefix=f"test-{uuid.uuid4().hex}")
        for word, call in (
            (b"SET", lambda: presence.extend("worker-1", LONG)),
            (b"EXISTS", lambda: presence.present(["worker-1"])),
            (b"DEL", lambda: presence.leave("worker-1")),
        ):
            proxy.lose_reply_to(word)
            call()
        assert proxy.lost == 3
        assert presence.present(["worker-1"]) == frozenset()
        presence.close()
