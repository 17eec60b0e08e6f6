"""The suite of `OffsetStore` on each of ours, and what only one of them can do."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from consumer.adapters.memory.offset_store import MemoryOffsetStore
from consumer.adapters.redis.checkpoint_scripts import CLAIM, MOVE, NOTE
from consumer.adapters.redis.connection import Client, connect
from consumer.adapters.redis.offset_store import RedisOffsetStore
from consumer.adapters.sqlite.offset_store import SqliteOffsetStore
from consumer.errors import Fenced, Misconfigured, OffsetLost, Transient
from consumer.model.condition import Condition
from consumer.model.position import (
    Checkpoint,
    IntOffset,
    LogIdentity,
    Offset,
    Partition,
    StreamOffset,
)
from consumer.ports.offset_store import OffsetStore
from tests.contracts.losing_proxy import LosingProxy
from tests.contracts.offset_store_contract import (
    HALTED,
    LOG,
    ORDERS,
    SWAPPED,
    WAITING,
    DurableOffsetStoreContract,
    OffsetStoreContract,
    at,
    checkpoint,
    checkpoint_in,
    claimed,
    let_time_pass,
    offset_in,
    timeless,
)

RELEASED = Path(__file__).parent / "records"


def released(
    projection: str,
    partition: Partition,
    offset: Offset | None,
    epoch: int,
    log: LogIdentity,
    owner: str,
) -> Checkpoint:
    """As releases before 0.2 left it, which noted no condition."""
    return Checkpoint(projection, partition, offset, epoch, log, owner, Condition("running"))


#: What the fixtures in `records/` hold, whatever release wrote them.
RELEASED_CHECKPOINTS = [
    released("customers", Partition("orders", 3), IntOffset(41), 7, LogIdentity("c/orders", 12), "worker-1"),
    released("customers", Partition("orders", 4), None, 1, LogIdentity("c/orders", 12), "worker-2"),
    released("rooms@2", Partition("visits", 0), StreamOffset(1526919030474, 55), 2, LogIdentity("", 4), ""),
]  # fmt: skip


def go_on_from_released(store: OffsetStore) -> None:
    """Reads, claims and moves every checkpoint of a release; the projection `gone` was reset in it."""
    assert store.list_projections() == ["customers", "rooms@2"]
    assert store.get("gone", ORDERS) is None
    for left in RELEASED_CHECKPOINTS:
        place = (left.projection, left.partition)
        assert store.get(*place) == left
        claim = claimed(store, *place, log=left.log)
        assert (claim.epoch, claim.offset) == (left.epoch + 1, left.offset)
        store.commit(claim, left.offset, IntOffset(1000))
        store.note(claim, HALTED)
        store.release(claim)
        assert timeless(store.get(*place)) == msgspec.structs.replace(
            left, offset=IntOffset(1000), epoch=claim.epoch, owner="", condition=HALTED
        )
        assert claimed(store, *place, log=left.log).offset == IntOffset(1000)
    assert claimed(store, "gone").epoch == 6
    store.reset("customers")
    assert store.list_projections() == ["gone", "rooms@2"]


class TestMemoryOffsetStore(OffsetStoreContract):
    @pytest.fixture
    def store(self) -> OffsetStore:
        return MemoryOffsetStore()


# --- SQLite ---------------------------------------------------------------------------------------


class SqliteRecords:
    def __init__(self, path: Path) -> None:
        self._path = path

    def lose(self) -> None:
        for table in ("projection_checkpoints", "projection_store"):
            self.execute(f"DELETE FROM {table}")

    def forget(self, projection: str, partition: Partition) -> None:
        self.execute(
            "DELETE FROM projection_checkpoints "
            "WHERE projection = ? AND topic = ? AND partition = ?",
            (projection, partition.topic, partition.number),
        )

    def read(self, projection: str, partition: Partition) -> dict[str, str]:
        rows = self.execute(
            "SELECT * FROM projection_checkpoints "
            "WHERE projection = ? AND topic = ? AND partition = ?",
            (projection, partition.topic, partition.number),
        )
        return {name: rows[0][name] for name in rows[0].keys()} if rows else {}  # noqa: SIM118 - a row iterates its values

    def change(self, projection: str, partition: Partition, /, **fields: str) -> None:
        known = {row["name"] for row in self.execute("PRAGMA table_info(projection_checkpoints)")}
        for name in fields.keys() - known:
            self.execute(f"ALTER TABLE projection_checkpoints ADD COLUMN {name} TEXT")
        for name, value in fields.items():
            self.execute(
                f'UPDATE projection_checkpoints SET "{name}" = ? '
                "WHERE projection = ? AND topic = ? AND partition = ?",
                (value, projection, partition.topic, partition.number),
            )

    def execute(self, statement: str, values: tuple[Any, ...] = ()) -> list[sqlite3.Row]:
        connection = sqlite3.connect(self._path, isolation_level=None)
        connection.row_factory = sqlite3.Row
        try:
            return connection.execute(statement, values).fetchall()
        finally:
            connection.close()


class TestSqliteOffsetStore(DurableOffsetStoreContract):
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "offsets.db"

    @pytest.fixture
    def open_store(self, path: Path) -> Callable[[], OffsetStore]:
        return lambda: SqliteOffsetStore(path)

    @pytest.fixture
    def records(self, path: Path) -> SqliteRecords:
        return SqliteRecords(path)

    @pytest.mark.parametrize("release", sorted(RELEASED.glob("*.sql")), ids=lambda file: file.stem)
    def test_the_file_of_an_older_release_stays_readable_and_writable(
        self, path: Path, release: Path
    ) -> None:
        connection = sqlite3.connect(path)
        connection.executescript(release.read_text())
        connection.close()

        store = SqliteOffsetStore(path)
        go_on_from_released(store)
        store.close()

    @pytest.mark.parametrize("release", [None, *sorted(RELEASED.glob("*.sql"))])
    def test_processes_that_open_a_new_file_or_an_older_one_at_once_lose_nothing(
        self, path: Path, release: Path | None
    ) -> None:
        if release:
            connection = sqlite3.connect(path)
            connection.executescript(release.read_text())
            connection.close()
        program = (
            "import sys\n"
            "from consumer.adapters.sqlite.offset_store import SqliteOffsetStore\n"
            "from consumer.model.position import IntOffset, LogIdentity, Partition\n"
            "print('ready', flush=True)\n"
            "sys.stdin.readline()\n"
            "store = SqliteOffsetStore(sys.argv[1])\n"
            "for _ in range(10):\n"
            "    claim = store.claim('all', Partition('t', 0), owner='o', log=LogIdentity('', 1))\n"
            "    own = store.claim(sys.argv[2], Partition('t', 0), owner='o', log=LogIdentity('', 1))\n"
            "    store.commit(own, own.offset, IntOffset(own.epoch))\n"
            "    print(claim.epoch)\n"
        )
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", program, path, f"p{number}"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for number in range(4)
        ]
        for process in processes:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin
            process.stdin.write("go\n")
            process.stdin.flush()
        said = [process.communicate()[0] for process in processes]

        assert [process.returncode for process in processes] == [0] * 4
        assert sorted(int(epoch) for text in said for epoch in text.split()) == list(range(1, 41))
        store = SqliteOffsetStore(path)
        for number in range(4):
            checkpoint = store.get(f"p{number}", Partition("t", 0))
            assert checkpoint is not None
            assert checkpoint.offset == at(10)
        store.close()

    def test_vacuum_gives_space_back_and_keeps_every_checkpoint(
        self, store: SqliteOffsetStore, path: Path
    ) -> None:
        for number in range(300):
            claim = claimed(store, partition=Partition("a-long-topic-name" * 10, number))
        store.commit(claim, None, at(5))
        store.vacuum()  # out of the log, into the file
        SqliteRecords(path).execute("DELETE FROM projection_checkpoints WHERE partition < 299")
        before = path.stat().st_size

        store.vacuum()

        assert path.stat().st_size < before
        checkpoint = store.get("customers", claim.partition)
        assert checkpoint is not None
        assert checkpoint.offset == at(5)

    def test_a_full_disk_is_waited_out_and_nothing_is_half_written(
        self, store: SqliteOffsetStore
    ) -> None:
        (pages,) = store._file.connection.execute("PRAGMA page_count").fetchone()
        store._file.connection.execute(f"PRAGMA max_page_count = {pages}")
        number = 0
        full = None
        while not full:
            try:
                claim = claimed(store, partition=Partition("orders" * 20, number))
                number += 1
            except Transient as cause:
                full = cause
        assert "offsets.db" in str(full)
        assert "full" in str(full)

        store._file.connection.execute("PRAGMA max_page_count = 100000")
        store.commit(claim, None, at(1))
        assert claimed(store, partition=Partition("orders" * 20, number)).epoch == 1

    def test_a_file_that_another_process_locks_is_waited_out(
        self, store: SqliteOffsetStore, path: Path
    ) -> None:
        claim = claimed(store)
        store._file.connection.execute("PRAGMA busy_timeout = 10")
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN EXCLUSIVE")

        with pytest.raises(Transient, match=r"offsets\.db.*locked"):
            store.commit(claim, None, at(1))
        assert offset_in(store) is None  # readers wait for no writer
        holder.execute("ROLLBACK")
        holder.close()

        store.commit(claim, None, at(1))

    def test_a_file_that_became_read_only_is_waited_out(self, store: SqliteOffsetStore) -> None:
        claim = claimed(store)
        store._file.connection.execute("PRAGMA query_only = ON")
        with pytest.raises(Transient, match=r"offsets\.db.*readonly"):
            store.commit(claim, None, at(1))
        store._file.connection.execute("PRAGMA query_only = OFF")

        store.commit(claim, None, at(1))

    def test_a_path_in_no_folder_and_a_file_that_is_no_database_are_refused(
        self, tmp_path: Path
    ) -> None:
        text = tmp_path / "notes.txt"
        text.write_text("no database " * 100)

        with pytest.raises(Misconfigured, match=r"nowhere/offsets\.db"):
            SqliteOffsetStore(tmp_path / "nowhere" / "offsets.db")
        with pytest.raises(Misconfigured, match=r"notes\.txt"):
            SqliteOffsetStore(text)
        assert text.read_text() == "no database " * 100


# --- Redis ----------------------------------------------------------------------------------------


class RedisRecords:
    def __init__(self, client: Client, prefix: str) -> None:
        self._client: Any = client
        self._prefix = prefix

    def lose(self) -> None:
        for key in list(self._client.scan_iter(f"{self._prefix}:*")):
            self._client.delete(key)

    def forget(self, projection: str, partition: Partition) -> None:
        self._client.delete(self.key(projection, partition))

    def read(self, projection: str, partition: Partition) -> dict[str, str]:
        found = self._client.hgetall(self.key(projection, partition))
        return {name.decode(): value.decode() for name, value in found.items()}

    def change(self, projection: str, partition: Partition, /, **fields: str) -> None:
        self._client.hset(self.key(projection, partition), mapping=fields)

    def key(self, projection: str, partition: Partition) -> str:
        return f"{self._prefix}:offset:{{{projection}:{partition}}}"


class RedisOffsetStoreContract(DurableOffsetStoreContract):
    """What any server of Redis's protocol must do for us."""

    @pytest.fixture
    def new_client(self) -> Callable[[], Client]:
        raise NotImplementedError

    @pytest.fixture
    def client(self, new_client: Callable[[], Client]) -> Iterator[Client]:
        client = new_client()
        yield client
        client.close()

    @pytest.fixture
    def prefix(self) -> str:
        return f"test-{uuid.uuid4().hex}"

    @pytest.fixture
    def open_store(
        self, new_client: Callable[[], Client], prefix: str
    ) -> Callable[[], OffsetStore]:
        return lambda: RedisOffsetStore(new_client(), prefix=prefix)

    @pytest.fixture
    def records(self, client: Client, prefix: str) -> Iterator[RedisRecords]:
        records = RedisRecords(client, prefix)
        yield records
        records.lose()

    def test_stores_under_different_prefixes_share_nothing(
        self, new_client: Callable[[], Client], prefix: str
    ) -> None:
        stores = [
            RedisOffsetStore(new_client(), prefix=own)
            for own in (prefix, f"{prefix}:offset", f"{prefix}:projections", f"{prefix}-2")
        ]
        for value, store in enumerate(stores):
            store.commit(claimed(store), None, at(value))
        stores[0].reset("customers")

        assert stores[0].get("customers", ORDERS) is None
        assert [offset_in(store) for store in stores[1:]] == [at(1), at(2), at(3)]
        for store in stores:
            store.close()

    @pytest.mark.parametrize("prefix", ["", "{a}", "a{", "}a"])
    def test_a_prefix_that_cannot_be_one_is_refused(self, client: Client, prefix: str) -> None:
        with pytest.raises(Misconfigured, match="prefix"):
            RedisOffsetStore(client, prefix=prefix)

    def test_a_server_that_forgot_the_scripts_is_taught_again(
        self, store: OffsetStore, client: Client
    ) -> None:
        claim = claimed(store)
        for step in (
            lambda: store.commit(claim, None, at(1)),
            lambda: store.note(claim, HALTED),
            lambda: store.release(claim),
            lambda: claimed(store),
            lambda: store.move("customers", ORDERS, at(2), log=LOG),
            lambda: store.reset("customers"),
        ):
            client.script_flush()
            step()

        assert store.list_projections() == []

    @pytest.mark.parametrize("release", sorted(RELEASED.glob("*.json")), ids=lambda file: file.stem)
    def test_records_of_an_older_release_stay_readable_and_writable(
        self, store: OffsetStore, client: Client, prefix: str, release: Path
    ) -> None:
        released = json.loads(release.read_text())
        for key, fields in released["hashes"].items():
            client.hset(f"{prefix}:{key}", mapping=fields)
        for key, members in released["sets"].items():
            client.sadd(f"{prefix}:{key}", *members)

        go_on_from_released(store)

    def test_a_record_keeps_to_the_fields_that_older_releases_read(
        self, store: OffsetStore, records: RedisRecords
    ) -> None:
        claim = claimed(store)
        store.commit(claim, None, at(41))
        record = records.read("customers", ORDERS)

        assert int(record.pop("updated_at")) > 1_700_000_000_000
        since = record["since"]
        assert int(since) > 1_700_000_000_000
        assert record == {
            "schema": "1",
            "epoch": "1",
            "token": claim.token,
            "owner": "worker-1",
            "log_id": LOG.id,
            "log_partitions": "12",
            "offset": "41",
            "state": "running",
            "since": since,
            "state_epoch": "1",
        }

    def test_a_move_and_a_reset_leave_nothing_of_what_was(
        self, store: OffsetStore, records: RedisRecords
    ) -> None:
        claim = claimed(store)
        store.commit(claim, None, at(41))
        store.note(claim, HALTED)
        store.move("customers", ORDERS, at(9), log=SWAPPED)
        moved = records.read("customers", ORDERS)
        known = {"schema", "epoch", "log_id", "log_partitions", "offset", "updated_at"}
        assert moved.keys() == known | {"state", "since", "state_epoch", "move", "before_move"}

        store.note(claimed(store, log=SWAPPED), HALTED)
        store.reset("customers")
        assert records.read("customers", ORDERS).keys() == {"schema", "epoch", "updated_at"}

    @pytest.mark.parametrize("field", ["epoch", "log_partitions", "since"])
    def test_a_damaged_field_is_named_and_can_be_moved_away(
        self, store: OffsetStore, records: RedisRecords, field: str
    ) -> None:
        store.commit(claimed(store), None, at(41))
        records.change("customers", ORDERS, **{field: "seventeen"})

        with pytest.raises(Misconfigured, match=r"customers.*orders/3.*damaged.*seventeen"):
            store.get("customers", ORDERS)
        assert store.move("customers", ORDERS, at(9), log=LOG) is None
        assert claimed(store).offset == at(9)

    def test_a_key_that_somebody_else_uses_is_named_not_overwritten(
        self, store: OffsetStore, client: Client, records: RedisRecords
    ) -> None:
        client.set(records.key("customers", ORDERS), "theirs")

        with pytest.raises(Misconfigured, match=r"customers.*WRONGTYPE"):
            claimed(store)
        assert client.get(records.key("customers", ORDERS)) == b"theirs"


class TestValkey(RedisOffsetStoreContract):
    @pytest.fixture
    def new_client(self, valkey: Any) -> Callable[[], Client]:
        return lambda: connect(valkey.url)

    @pytest.fixture
    def proxy(self, valkey: Any) -> Iterator[LosingProxy]:
        with LosingProxy(valkey.url) as proxy:
            yield proxy

    def test_a_lost_reply_is_asked_for_again_and_nothing_happens_twice(
        self, proxy: LosingProxy, prefix: str
    ) -> None:
        store = RedisOffsetStore(connect(proxy.url), prefix=prefix)
        claimed(store)  # the scripts are known to the server, and the connection is made

        proxy.lose_reply_to(CLAIM.sha.encode())
        claim = claimed(store)
        assert claim.epoch == 2
        assert proxy.lost == 1

        proxy.lose_reply_to(b"EVALSHA")
        store.commit(claim, None, at(9))
        assert proxy.lost == 2
        assert offset_in(store) == at(9)

        proxy.lose_reply_to(b"EVALSHA")
        store.release(claim)
        assert proxy.lost == 3
        with pytest.raises(Fenced):
            store.commit(claim, at(9), at(10))

        proxy.lose_reply_to(b"EVALSHA")
        store.reset("customers")
        assert proxy.lost == 4
        assert store.get("customers", ORDERS) is None
        assert claimed(store).epoch == 3
        store.close()

    def test_a_move_whose_reply_was_lost_returns_where_the_checkpoint_was(
        self, proxy: LosingProxy, prefix: str
    ) -> None:
        store = RedisOffsetStore(connect(proxy.url), prefix=prefix)
        claim = claimed(store)
        store.commit(claim, None, at(41))
        store.note(claim, HALTED)
        before = store.get("customers", ORDERS)

        proxy.lose_reply_to(MOVE.sha.encode())
        store.move("others", ORDERS, at(1), log=LOG)  # the script is known to the server
        assert proxy.lost == 1
        proxy.lose_reply_to(MOVE.sha.encode())
        assert store.move("customers", ORDERS, at(9), log=SWAPPED) == before
        assert proxy.lost == 2
        assert checkpoint_in(store) == checkpoint(at(9), 2, owner="", log=SWAPPED)

        proxy.lose_reply_to(MOVE.sha.encode())
        assert store.move("unknown", ORDERS, at(9), log=LOG) is None
        assert proxy.lost == 3
        store.close()

    def test_a_word_whose_reply_was_lost_is_said_once(
        self, proxy: LosingProxy, prefix: str
    ) -> None:
        store = RedisOffsetStore(connect(proxy.url), prefix=prefix)
        claim = claimed(store)
        store.note(claim, WAITING)
        let_time_pass(store)

        proxy.lose_reply_to(NOTE.sha.encode())
        store.note(claim, HALTED)
        assert proxy.lost == 1
        assert checkpoint_in(store) == checkpoint(None, claim.epoch, condition=HALTED)
        store.close()

    def test_a_flushed_server_is_lost_data_mid_run(self, own_valkey: Callable[..., Any]) -> None:
        client = connect(own_valkey().url)
        store = RedisOffsetStore(client, prefix="prod")
        claim = claimed(store)
        store.commit(claim, None, at(1))
        client.flushall()

        with pytest.raises(OffsetLost):
            store.commit(claim, at(1), at(2))
        with pytest.raises(OffsetLost):
            claimed(store)
        store.close()


class TestRedis62(RedisOffsetStoreContract):
    @pytest.fixture
    def new_client(self, redis_62: Any) -> Callable[[], Client]:
        return lambda: connect(redis_62.url)


class TestRedis70(RedisOffsetStoreContract):
    @pytest.fixture
    def new_client(self, redis_70: Any) -> Callable[[], Client]:
        return lambda: connect(redis_70.url)


class TestValkeySentinel(RedisOffsetStoreContract):
    @pytest.fixture
    def new_client(self, valkey_sentinel: Any) -> Callable[[], Client]:
        hosts = ",".join(f"{host}:{port}" for host, port in valkey_sentinel.addresses)
        return lambda: connect(f"redis://{hosts}/0", sentinel=valkey_sentinel.service)


class TestValkeyCluster(RedisOffsetStoreContract):
    @pytest.fixture
    def new_client(self, valkey_cluster: Any) -> Callable[[], Client]:
        return lambda: connect(valkey_cluster.url, cluster=True)

    def test_the_partitions_of_a_projection_spread_over_the_masters(
        self, store: OffsetStore, client: Any, records: RedisRecords
    ) -> None:
        for number in range(30):
            claimed(store, partition=Partition("orders", number))

        keys = [records.key("customers", Partition("orders", number)) for number in range(30)]
        assert len({client.get_node_from_key(key).name for key in keys}) == 3
