"""The suites of what is kept in PostgreSQL beside read models: checkpoints, leases, the audit."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from consumer.adapters.postgresql.audit import PostgresqlAudit
from consumer.adapters.postgresql.checkpoint_tables import definitions
from consumer.adapters.postgresql.connection import Database
from consumer.adapters.postgresql.offset_store import PostgresqlOffsetStore
from consumer.adapters.postgresql.patience import PatientConnection
from consumer.adapters.postgresql.presence import PostgresqlPresence
from consumer.errors import Misconfigured, NewerRecord, OffsetLost, Transient
from consumer.model.condition import Condition
from consumer.model.position import Partition
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


# --- what only PostgreSQL can do ------------------------------------------------------------------


@pytest.fixture
def store(database: Callable[[], Database]) -> Iterator[OffsetStore]:
    with closing(PostgresqlOffsetStore(database())) as store:
        yield store


def test_who_only_looks_makes_no_table(direct: Direct, database: Callable[[], Database]) -> None:
    with (
        closing(PostgresqlOffsetStore(database(), schema="later")) as store,
        closing(PostgresqlPresence(database(), schema="later")) as presence,
        closing(PostgresqlAudit(database(), schema="later")) as audit,
    ):
        assert store.get("customers", ORDERS) is None
        assert list(store.list_projections()) == list(store.partitions("customers")) == []
        assert presence.present(["worker-1"]) == frozenset()
        assert list(audit.records("customers")) == []
        assert direct.execute("SELECT to_regnamespace('later') AS it") == [{"it": None}]

        presence.extend("worker-1", LONG)
        claimed(store)
        assert checkpoint_in(store) is not None
        assert all(direct.has(f"later.{table}") for table in TABLES)


def test_many_that_come_at_once_make_the_tables_once(
    direct: Direct, database: Callable[[], Database]
) -> None:
    stores = [PostgresqlOffsetStore(database(), schema="at_once") for _ in range(8)]
    ready = threading.Barrier(8)

    def race(store: OffsetStore) -> int:
        ready.wait()
        return claimed(store).epoch

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(race, stores)) == list(range(1, 9))
    for store in stores:
        store.close()


def test_without_create_tables_what_is_missing_is_named_and_a_dba_makes_it(
    direct: Direct, database: Callable[[], Database]
) -> None:
    with closing(PostgresqlOffsetStore(database(), create_tables=False)) as store:
        with pytest.raises(
            Misconfigured, match=r"public.*lacks projection_checkpoints.*create_tables"
        ):
            claimed(store)
        for definition in definitions("public"):
            direct.execute(definition)
        store.commit(claimed(store), None, at(1))


def test_whoever_may_not_make_tables_needs_no_right_to_once_they_are_there(
    direct: Direct, database: Callable[[], Database]
) -> None:
    with closing(PostgresqlOffsetStore(database(), schema="owned")) as owner:
        claimed(owner)
    role = f"worker_{uuid.uuid4().hex[:8]}"
    direct.execute(f"CREATE ROLE {role} LOGIN")
    try:
        url = direct.url.replace("postgres@", f"{role}@")
        with closing(PostgresqlOffsetStore(Database(url), schema="owned")) as store:
            with pytest.raises(Misconfigured, match="42501"):
                claimed(store)
            direct.execute(f"GRANT USAGE ON SCHEMA owned TO {role}")
            direct.execute(
                f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA owned TO {role}"
            )
            claim = claimed(store)
            store.commit(claim, None, at(1))
            store.note(claim, HALTED)
            store.release(claim)
            store.move("customers", ORDERS, at(5), log=LOG)
            store.reset("customers")
        with closing(PostgresqlPresence(Database(url), schema="owned")) as presence:
            presence.extend("worker-1", LONG)
            presence.leave("worker-1")
        with closing(PostgresqlAudit(Database(url), schema="owned")) as audit:
            audit.record(reset())
            assert list(audit.records("customers")) == [reset()]
    finally:
        direct.execute(f"DROP OWNED BY {role}")
        direct.execute(f"DROP ROLE {role}")


def test_tables_that_were_dropped_are_lost_offsets_and_no_first_start(
    direct: Direct, store: OffsetStore
) -> None:
    claim = claimed(store)
    store.commit(claim, None, at(1))
    direct.execute(f"DROP TABLE {', '.join(TABLES)}")
    with pytest.raises(OffsetLost, match=r"customers.*orders/3"):
        store.commit(claim, at(1), at(2))
    with pytest.raises(OffsetLost, match=r"customers.*orders/3"):
        claimed(store)
    with pytest.raises(OffsetLost):
        claimed(store, partition=Partition("orders", 4))
    assert claimed(store, floor=7).epoch == 8


def test_tables_that_were_dropped_are_made_again_for_leases_and_records(
    direct: Direct, database: Callable[[], Database]
) -> None:
    with (
        closing(PostgresqlPresence(database())) as presence,
        closing(PostgresqlAudit(database())) as audit,
    ):
        presence.extend("worker-1", LONG)
        audit.record(reset(1))
        direct.execute(f"DROP TABLE {', '.join(TABLES)}")
        presence.extend("worker-1", LONG)
        audit.record(reset(2))
        assert presence.present(["worker-1"]) == {"worker-1"}
        assert list(audit.records("customers")) == [reset(2)]


def test_a_commit_of_who_runs_is_one_round_trip(
    store: OffsetStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = claimed(store)
    trips: list[int] = []
    wait = PatientConnection.wait

    def counted(connection: PatientConnection, *args: Any, **kwargs: Any) -> Any:
        trips.append(1)
        return wait(connection, *args, **kwargs)

    monkeypatch.setattr(PatientConnection, "wait", counted)
    for value in range(20):
        store.commit(claim, at(value - 1) if value else None, at(value))
    assert len(trips) == 20


def test_a_reason_that_postgresql_cannot_keep_is_kept_in_another_form(store: OffsetStore) -> None:
    claim = claimed(store)
    store.note(claim, Condition("halted", "no JSON: '\x00' and '\ud800'"))
    found = store.get("customers", ORDERS)
    assert found is not None
    assert found.condition.reason == "no JSON: '\\x00' and '\\ud800'"


def test_a_topic_that_postgresql_cannot_name_is_refused_and_not_a_crash(store: OffsetStore) -> None:
    for topic in ("a\x00b", "a\ud800b"):
        with pytest.raises(Misconfigured):
            claimed(store, partition=Partition(topic, 1))
    claimed(store)


def test_a_damaged_offset_is_named_and_can_be_moved_away(
    direct: Direct, store: OffsetStore
) -> None:
    claim = claimed(store)
    store.commit(claim, None, at(41))
    direct.execute("UPDATE projection_checkpoints SET \"offset\" = 'seventeen'")
    for call in (
        lambda: store.get("customers", ORDERS),
        lambda: claimed(store),
        lambda: store.commit(claim, at(41), at(42)),
    ):
        with pytest.raises(Misconfigured, match=r"customers.*orders/3.*damaged.*seventeen"):
            call()
    store.move("customers", ORDERS, at(9), log=LOG)
    assert claimed(store).offset == at(9)


def test_a_record_of_a_newer_release_is_left_as_it_is(direct: Direct, store: OffsetStore) -> None:
    claim = claimed(store)
    store.commit(claim, None, at(1))
    direct.execute("UPDATE projection_checkpoints SET schema = 2")
    for call in (
        lambda: store.get("customers", ORDERS),
        lambda: claimed(store),
        lambda: store.commit(claim, at(1), at(2)),
        lambda: store.note(claim, HALTED),
        lambda: store.release(claim),
        lambda: store.move("customers", ORDERS, at(9), log=LOG),
        lambda: store.reset("customers"),
    ):
        with pytest.raises(NewerRecord):
            call()
    (row,) = direct.execute('SELECT schema, epoch, "offset" FROM projection_checkpoints')
    assert row == {"schema": 2, "epoch": 1, "offset": "1"}


def test_a_process_that_was_stopped_with_a_record_locked_holds_nobody_up_for_long(
    direct: Direct, store: OffsetStore
) -> None:
    claim = claimed(store)
    with (  # noqa: PT012  it is raised at the last statement, or where it would commit
        closing(Database(direct.url, seconds=0.3)) as sleeper,
        pytest.raises(Transient),
        sleeper.transaction() as cursor,
    ):
        cursor.execute("SELECT * FROM projection_checkpoints FOR UPDATE")
        store.commit(claim, None, at(1))
        cursor.execute("SELECT 1")
    assert offset_in(store) == at(1)


def test_a_record_that_somebody_holds_for_too_long_is_an_outage(
    direct: Direct, database: Callable[[], Database]
) -> None:
    with closing(PostgresqlOffsetStore(Database(direct.url, seconds=0.2))) as store:
        claim = claimed(store)
        with psycopg.connect(direct.url) as holder:
            holder.execute("SELECT * FROM projection_checkpoints FOR UPDATE")
            for call in (lambda: store.commit(claim, None, at(1)), lambda: claimed(store)):
                with pytest.raises(Transient, match="57014"):
                    call()
        store.commit(claim, None, at(1))


def test_leases_that_ran_out_are_cleared_away(
    direct: Direct, database: Callable[[], Database]
) -> None:
    with closing(PostgresqlPresence(database())) as presence:
        for number in range(5):
            presence.extend(f"worker-{number}", SHORT)
        wait_until_gone(presence, "worker-4")
        presence.extend("worker-4", LONG)
        assert direct.execute("SELECT owner FROM projection_presence") == [{"owner": "worker-4"}]


def test_leases_run_by_the_servers_clock(direct: Direct, database: Callable[[], Database]) -> None:
    with closing(PostgresqlPresence(database())) as presence:
        presence.extend("worker-1", 3600)
        (row,) = direct.execute(
            "SELECT extract(epoch FROM expires_at - clock_timestamp()) AS it FROM projection_presence"
        )
        assert 3000 < row["it"] <= 3600
        direct.execute("UPDATE projection_presence SET expires_at = clock_timestamp()")
        assert presence.present(["worker-1"]) == frozenset()
