"""SQL of one's own, inside the transaction that moves the offset, on the real databases."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from consumer import (
    ApplyFailed,
    Batch,
    Fence,
    Fenced,
    IntOffset,
    LogIdentity,
    Misconfigured,
    ReadModel,
    Runner,
    Seal,
    Transient,
)
from consumer.adapters.memory.event_log import MemoryEventLog
from consumer.adapters.memory.offset_store import MemoryOffsetStore
from consumer.adapters.memory.read_model import MemoryReadModel
from consumer.adapters.postgresql.read_model import PostgresqlReadModel
from consumer.adapters.sqlite.read_model import SqliteReadModel
from projectors import PostgresProjector, SqliteProjector
from tests.servers import PostgresqlServer

Rows = list[tuple[Any, ...]]


class _Totals:
    """Adds up: twice would show."""

    name = "totals"
    handles: Collection[str] | None = frozenset({"Paid"})
    mark = "?"

    def __init__(self, then: Callable[[Any], object] = lambda cursor: None) -> None:
        self.then = then

    def setup(self, cursor: Any) -> None:
        cursor.execute(
            "CREATE TABLE IF NOT EXISTS totals (name text PRIMARY KEY, total int NOT NULL)"
        )

    def apply(self, batch: Batch, cursor: Any) -> Any:
        for event in batch:
            cursor.execute(
                f"INSERT INTO totals VALUES ('all', {self.mark}) ON CONFLICT (name) DO UPDATE "
                "SET total = totals.total + excluded.total",
                (event.decode(int),),
            )
        return self.then(cursor)


class InSqlite(_Totals, SqliteProjector):
    pass


class InPostgresql(_Totals, PostgresProjector):
    mark = "%s"


class EmptiedInSqlite(InSqlite):
    def empty(self, cursor: Any) -> None:
        cursor.execute("DELETE FROM totals")


class EmptiedInPostgresql(InPostgresql):
    def empty(self, cursor: Any) -> None:
        cursor.execute("DELETE FROM totals")


class Store:
    """A database, whichever it is."""

    def __init__(
        self,
        kind: str,
        projector: type[Any],
        emptied: type[Any],
        open_model: Callable[[], ReadModel],
        connect: Callable[[], Any],
    ) -> None:
        self.kind, self.projector, self.emptied = kind, projector, emptied
        self.open_model, self.connect = open_model, connect
        self.log = MemoryEventLog()
        self.offsets = MemoryOffsetStore()

    def run(self, projector: Any, offsets: MemoryOffsetStore | None = None) -> None:
        with (
            closing(self.open_model()) as model,
            Runner(self.log, offsets or self.offsets, projector, read_model=model) as runner,
        ):
            runner.apply_since()

    def rows(self) -> Rows:
        with closing(self.connect()) as connection:
            rows: Rows = connection.execute("SELECT name, total FROM totals").fetchall()
            return rows


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "sqlite":
        file = tmp_path / "rows.sqlite"
        return Store(
            "sqlite",
            InSqlite,
            EmptiedInSqlite,
            lambda: SqliteReadModel(file),
            lambda: sqlite3.connect(file, isolation_level=None),
        )
    server: PostgresqlServer = request.getfixturevalue("postgresql")
    url = server.database()
    return Store(
        "postgresql",
        InPostgresql,
        EmptiedInPostgresql,
        lambda: PostgresqlReadModel(url, seconds=30),
        lambda: psycopg.connect(url, autocommit=True),
    )


def test_each_event_counts_once_also_after_its_commit_was_lost(store: Store) -> None:
    for paid in (1, 20):
        store.log.append("Paid", paid)
        store.run(store.projector())
    store.run(store.projector(), MemoryOffsetStore())

    assert store.rows() == [("all", 21)]


def test_what_is_not_for_the_projector_moves_the_offset_alone(store: Store) -> None:
    store.log.append("Paid", 1)
    store.log.append("Other")
    store.run(store.projector())

    with closing(store.open_model()) as model:
        seal = model.sealed("totals", store.log.partitions()[0])
    assert seal is not None
    assert seal.offset == IntOffset(1)


def test_what_apply_raises_takes_the_batch_back_and_the_mended_one_goes_on(store: Store) -> None:
    store.log.append("Paid", 1)

    def bug(cursor: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(ApplyFailed, match="totals raised ZeroDivisionError"):
        store.run(store.projector(bug))
    assert store.rows() == []
    store.run(store.projector())
    assert store.rows() == [("all", 1)]


def test_a_mistake_in_the_sql_is_told_and_nothing_is_written(store: Store) -> None:
    store.log.append("Paid", 1)

    with pytest.raises((ApplyFailed, Misconfigured)) as failed:
        store.run(store.projector(lambda cursor: cursor.execute("SELECT nothing_of_the_kind")))

    cause = failed.value.__cause__
    assert "nothing_of_the_kind" in str(cause)
    assert store.rows() == []


ENDINGS = {
    "commit": lambda cursor: cursor.connection.commit(),
    "rollback": lambda cursor: cursor.connection.rollback(),
    "COMMIT": lambda cursor: cursor.execute("COMMIT"),
    "ROLLBACK": lambda cursor: cursor.execute("ROLLBACK"),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_projector_that_ends_the_transaction_is_told_so(store: Store, ending: str) -> None:
    store.log.append("Paid", 1)

    with pytest.raises(Misconfigured, match=r"ended the transaction .* neither commit nor"):
        store.run(store.projector(ENDINGS[ending]))


@pytest.mark.parametrize("ending", ENDINGS)
def test_one_that_ends_the_transaction_and_then_raises_is_told_so_too(
    store: Store, ending: str
) -> None:
    store.log.append("Paid", 1)

    def ends_and_raises(cursor: Any) -> None:
        ENDINGS[ending](cursor)
        raise Transient("away")

    with pytest.raises(Misconfigured, match=r"ended the transaction .* neither commit nor"):
        store.run(store.projector(ends_and_raises))


@pytest.mark.parametrize("ending", ["COMMIT", "ROLLBACK"])
def test_on_sqlite_one_that_begins_another_is_told_too(tmp_path: Path, ending: str) -> None:
    log = MemoryEventLog()
    log.append("Paid", 1)

    def another(cursor: sqlite3.Cursor) -> None:
        cursor.execute(ending)
        cursor.execute("BEGIN IMMEDIATE")

    with (
        closing(SqliteReadModel(tmp_path / "rows.sqlite")) as model,
        Runner(log, MemoryOffsetStore(), InSqlite(another), read_model=model) as runner,
        pytest.raises(Misconfigured, match="InSqlite ended the transaction"),
    ):
        runner.apply_since()


def test_a_setup_that_ends_the_transaction_is_told_too(store: Store) -> None:
    class Committing(store.projector):  # type: ignore[name-defined,misc]
        def setup(self, cursor: Any) -> None:
            super().setup(cursor)
            cursor.execute("COMMIT")

    store.log.append("Paid", 1)
    with pytest.raises(Misconfigured, match="Committing ended the transaction"):
        store.run(Committing())


def test_a_coroutine_is_refused_where_it_is_written(store: Store) -> None:
    with pytest.raises(Misconfigured, match=r"Waiting\.apply is a coroutine"):

        class Waiting(store.projector):  # type: ignore[name-defined,misc]
            async def apply(self, batch: Batch, cursor: Any) -> None:
                """Never called."""


def test_a_coroutine_in_disguise_is_refused_at_the_first_batch(store: Store) -> None:
    async def disguised() -> None:
        """Never waited for."""

    store.log.append("Paid", 1)
    with pytest.raises(Misconfigured, match=r"apply is a coroutine"):
        store.run(store.projector(lambda cursor: disguised()))
    assert store.rows() == []


def test_a_rebuild_needs_a_way_to_empty_the_rows(store: Store) -> None:
    store.log.append("Paid", 1)
    store.run(store.projector())
    (partition,) = store.log.partitions()
    seals = {partition: Seal(9, "", LogIdentity("", 1), IntOffset(-1))}

    with closing(store.open_model()) as model:
        with (
            pytest.raises(Misconfigured, match=r"Give In\w+ a method empty\(self, cursor\)"),
            model.reset("totals", seals) as transaction,
        ):
            store.projector().clear(transaction)
        assert store.rows() == [("all", 1)]

        with model.reset("totals", seals) as transaction:
            store.emptied().clear(transaction)
    assert store.rows() == []


def test_a_lock_that_somebody_else_holds_is_an_outage_and_no_poison(store: Store) -> None:
    store.log.append("Paid", 1)
    store.run(store.projector())
    store.log.append("Paid", 20)

    def impatient(cursor: Any) -> None:
        if store.kind == "postgresql":
            cursor.execute("SET LOCAL lock_timeout = '20ms'")
            cursor.execute("UPDATE totals SET total = total")

    with closing(store.connect()) as other:
        other.execute("BEGIN" if store.kind == "postgresql" else "BEGIN IMMEDIATE")
        other.execute("UPDATE totals SET total = total")

        class Impatient(store.projector):  # type: ignore[name-defined,misc]
            def apply(self, batch: Batch, cursor: Any) -> Any:
                impatient(cursor)
                return super().apply(batch, cursor)

        with pytest.raises(Transient):
            store.run(Impatient())
        other.execute("ROLLBACK")
    store.run(store.projector())
    assert store.rows() == [("all", 21)]


def test_a_server_that_goes_away_within_apply_is_waited_for(
    postgresql: PostgresqlServer,
) -> None:
    url = postgresql.database()
    log, offsets = MemoryEventLog(), MemoryOffsetStore()
    log.append("Paid", 1)

    def cut(cursor: Any) -> None:
        with psycopg.connect(url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s)", (cursor.connection.info.backend_pid,))
        cursor.execute("SELECT 1")

    ends = [cut]
    projector = InPostgresql(lambda cursor: ends.pop()(cursor) if ends else None)
    with (
        closing(PostgresqlReadModel(url)) as model,
        Runner(log, offsets, projector, read_model=model) as runner,
    ):
        with pytest.raises(Transient):
            runner.apply_since()
        runner.apply_since()
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT total FROM totals").fetchall() == [(1,)]


def test_many_may_set_up_at_once(store: Store) -> None:
    def prepare(_: int) -> None:
        with closing(store.open_model()) as model:
            model.prepare((), store.projector().prepare)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(prepare, range(16)))

    assert store.rows() == []


def test_a_zombie_writes_nothing(store: Store) -> None:
    store.log.append("Paid", 1)
    with ExitStack() as stack:
        runners = []
        for _ in range(2):
            model = stack.enter_context(closing(store.open_model()))
            projector = store.projector()
            runners.append(
                stack.enter_context(Runner(store.log, store.offsets, projector, read_model=model))
            )
        zombie, successor = runners
        zombie.apply_since()
        successor.apply_since()
        store.log.append("Paid", 20)
        with pytest.raises(Fenced):
            zombie.apply_since()
        assert store.rows() == [("all", 1)]
        successor.apply_since()
    assert store.rows() == [("all", 21)]


def test_what_another_worker_has_written_meanwhile_is_not_written_again(tmp_path: Path) -> None:
    """On SQLite the fence is looked at again under the lock, which is taken with the cursor."""
    file = tmp_path / "rows.sqlite"
    log, offsets, calls = MemoryEventLog(), MemoryOffsetStore(), []
    (partition,) = log.partitions()
    log.append("Paid", 1)
    projector = InSqlite(lambda cursor: calls.append(1))
    with (
        closing(SqliteReadModel(file)) as model,
        Runner(log, offsets, projector, read_model=model) as runner,
    ):
        runner.apply_since()
        seal = model.sealed("totals", partition)
        assert seal is not None
        event = log.append("Paid", 20)
        fence = Fence("totals", partition, seal.epoch, IntOffset(0), IntOffset(1))
        batch = Batch(partition, [event], fence)
        with model.transaction(fence) as transaction:  # it was not written yet, as far as is known
            with closing(SqliteReadModel(file)) as other, other.transaction(fence) as first:
                projector.project(batch, first)
            projector.project(batch, transaction)
    assert calls == [1, 1]


@pytest.mark.parametrize("projector", [InSqlite, InPostgresql])
def test_another_kind_of_read_model_is_refused(projector: type[Any]) -> None:
    with pytest.raises(Misconfigured, match="totals cannot write memory"):
        Runner(MemoryEventLog(), MemoryOffsetStore(), projector(), read_model=MemoryReadModel())


def test_without_setup_there_is_nothing_to_do(tmp_path: Path) -> None:
    class Bare(SqliteProjector):
        name = "bare"
        handles = None

        def apply(self, batch: Batch, cursor: sqlite3.Cursor) -> None:
            cursor.execute("CREATE TABLE there (is_it)")

    log = MemoryEventLog()
    log.append("Any")
    with closing(SqliteReadModel(tmp_path / "rows")) as model:
        Runner(log, MemoryOffsetStore(), Bare(), read_model=model).apply_since()
