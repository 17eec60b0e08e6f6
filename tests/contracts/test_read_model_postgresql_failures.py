"""What goes wrong between a read model and PostgreSQL: each event is in the rows once, whatever happens."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from consumer.adapters.postgresql.read_model import PostgresqlReadModel
from consumer.embedded.postgresql import Postgresql
from consumer.engine.transacting import Transacting
from consumer.errors import Conflict, Fenced, Transient
from consumer.model.event import Batch
from consumer.model.position import Claim, Fence, IntOffset, LogIdentity, Partition
from consumer.ports.read_model import Transaction
from tests.contracts.cutting_proxy import CuttingProxy
from tests.contracts.postgresql_story import until, until_it_goes_through, until_somebody_waits
from tests.contracts.read_model_contract import (
    ACCOUNTS,
    LOG,
    ORDERS,
    OTHER,
    Adding,
    at,
    batch,
    begun,
    claim,
    fence,
    offset_in,
    row,
    write,
)
from tests.servers import Pgbouncer, PostgresqlServer

OpenModel = Callable[..., PostgresqlReadModel]

#: As it is sent; BEGIN names the level READ COMMITTED.
COMMIT = b"COMMIT\0"


@pytest.fixture
def url(postgresql: PostgresqlServer) -> str:
    return postgresql.database()


@pytest.fixture
def opened() -> Iterator[OpenModel]:
    models: list[PostgresqlReadModel] = []

    def opening(url: str, **options: Any) -> PostgresqlReadModel:
        models.append(PostgresqlReadModel(url, **options))
        models[-1].prepare([ACCOUNTS], lambda transaction: None)
        return models[-1]

    yield opening
    for model in models:
        model.close()


# --- deadlocks, and transactions that PostgreSQL undoes ---


class Crossing(Adding):
    """Adds to the rows one after the other, in the order in which they come."""

    def __init__(self, meeting: threading.Barrier) -> None:
        self._meeting = meeting
        self.runs = 0

    def project(self, batch: Batch, transaction: Transaction) -> None:
        self.runs += 1
        for number, event in enumerate(batch):
            key = (event.aggregate_id,)
            if number == 1 and self.runs == 1:
                self._meeting.wait()
            found = transaction.load(ACCOUNTS, [key])[key]
            transaction.write(ACCOUNTS, [(*key, found[1] + 1, None)])


def test_a_deadlock_ends_with_both_transactions_done_once(url: str, opened: OpenModel) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        name = url.rpartition("/")[2]
        connection.execute(f"ALTER DATABASE {name} SET deadlock_timeout = '20ms'".encode())
    one, two = opened(url), opened(url)
    begun(one)
    begun(two, partition=OTHER)
    write(one, fence(-1, 0), ("a", 0, None), ("b", 0, None))
    meeting = threading.Barrier(2)
    crossing = [Crossing(meeting), Crossing(meeting)]

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(Transacting(crossing[0], one).apply, batch(fence(0, 2), ["a", "b"]))
        second = pool.submit(
            Transacting(crossing[1], two).apply,
            batch(fence(-1, 2, partition=OTHER), ["b", "a"]),
        )
        first.result()
        second.result()

    assert sorted(each.runs for each in crossing) == [1, 2]
    assert [row(one, name) for name in "ab"] == [("a", 2, None), ("b", 2, None)]
    assert (offset_in(one), offset_in(one, OTHER)) == (at(2), at(2))


@pytest.mark.parametrize("state", ["40001", "40P01"])
def test_a_transaction_that_postgresql_undoes_runs_again(
    url: str, opened: OpenModel, state: str
) -> None:
    model = opened(url)
    begun(model)
    runs = []

    class Undone(Adding):
        def project(self, batch: Batch, transaction: Transaction) -> None:
            runs.append(batch)
            super().project(batch, transaction)
            if len(runs) < 3:
                raising = f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{state}'; END $$"
                transaction.cursor.execute(raising.encode())

    Transacting(Undone(), model).apply(batch(fence(-1, 0), ["a"]))

    assert len(runs) == 3
    assert row(model, "a") == ("a", 1, None)
    assert offset_in(model) == at(0)


# --- connections that are lost ---


@pytest.mark.parametrize("held_back", [False, True])
def test_a_connection_lost_at_the_commit_writes_nothing_twice(
    url: str, opened: OpenModel, held_back: bool
) -> None:
    with CuttingProxy(url) as way:
        model = opened(way.url)
        begun(model)
        adding = Transacting(Adding(), model)
        adding.apply(batch(fence(-1, 0), ["a"]))
        way.cut_at(COMMIT, held_back=held_back)

        with pytest.raises(Transient):
            adding.apply(batch(fence(0, 1), ["a"]))
        assert way.cuts == 1
        until_it_goes_through(lambda: adding.apply(batch(fence(0, 1), ["a"])))
        adding.apply(batch(fence(1, 2), ["a"]))

        assert row(model, "a") == ("a", 3, None)
        assert offset_in(model) == at(2)
        model.close()


def test_a_commit_that_is_still_under_way_is_waited_for(url: str, opened: OpenModel) -> None:
    with CuttingProxy(url) as way, psycopg.connect(url, autocommit=True) as lock:
        model = opened(way.url)
        begun(model)
        lock.execute(
            "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NULL; END $$;"
            " CREATE CONSTRAINT TRIGGER slow AFTER INSERT OR UPDATE ON accounts"
            " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait()"
        )
        lock.execute("SELECT pg_advisory_lock(1)")
        way.cut_at(COMMIT)
        adding = Transacting(Adding(), model)
        with pytest.raises(Transient):
            adding.apply(batch(fence(-1, 0), ["a"]))

        until_somebody_waits(url, at_least=1)  # the first commit, for us
        assert offset_in(model) == at(-1)
        with ThreadPoolExecutor(1) as pool:
            again = pool.submit(adding.apply, batch(fence(-1, 0), ["a"]))
            until_somebody_waits(url, at_least=2)  # and the retry for the first
            lock.execute("SELECT pg_advisory_unlock(1)")
            again.result()

        assert row(model, "a") == ("a", 1, None)
        assert offset_in(model) == at(0)
        model.close()


def test_a_server_that_restarts_within_and_between_transactions_loses_and_repeats_nothing(
    opened: OpenModel, own_postgresql: Callable[..., Postgresql]
) -> None:
    server = own_postgresql()
    model = opened(server.url)
    begun(model)
    adding = Transacting(Adding(), model)
    adding.apply(batch(fence(-1, 0), ["a"]))

    server.restart()
    until_it_goes_through(lambda: adding.apply(batch(fence(0, 1), ["a"])))
    with pytest.raises(Transient), model.transaction(fence(1, 2)) as transaction:  # noqa: PT012 - what is under test raises in the block, or at its end
        transaction.load(ACCOUNTS, [("a",)])
        server.restart()
        transaction.write(ACCOUNTS, [("a", 1000, None)])
    until_it_goes_through(lambda: adding.apply(batch(fence(1, 2), ["a"])))
    server.kill()
    with pytest.raises(Transient):
        adding.apply(batch(fence(2, 3), ["a"]))
    server.start()
    until_it_goes_through(lambda: adding.apply(batch(fence(2, 3), ["a"])))

    assert row(model, "a") == ("a", 4, None)
    assert offset_in(model) == at(3)


# --- no room, no time ---


@pytest.fixture
def crowded(own_postgresql: Callable[..., Postgresql]) -> Iterator[tuple[Postgresql, Path]]:
    """A server whose tables lie on a file system of 8 MB, and that one."""
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("only root mounts a small file system")
    server = own_postgresql()
    small = server.folder / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "none", small], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"no small file system can be mounted here: {mounted.stderr.strip()}")
    rows = small / "rows"
    rows.mkdir()
    shutil.chown(rows, (server.folder / "data").stat().st_uid)
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"CREATE TABLESPACE small LOCATION '{rows}'".encode())
        connection.execute("ALTER DATABASE postgres SET default_tablespace = small")
    yield server, small
    server.stop()
    subprocess.run(["umount", small], check=True)


def test_a_full_disk_commits_nothing_and_goes_on_when_there_is_room(
    opened: OpenModel, crowded: tuple[Postgresql, Path]
) -> None:
    server, small_disk = crowded
    model = opened(server.url)
    begun(model)

    offset, filled = -1, None
    while filled is None:
        some = [(f"{offset}-{number}", 1, "x" * 500) for number in range(2000)]
        try:
            write(model, fence(offset, offset + 1), *some)
        except Transient as full:
            filled = full
        else:
            offset += 1

    assert "53100" in str(filled)
    assert offset >= 0
    assert not isinstance(filled, Conflict)
    assert offset_in(model) == at(offset)
    assert row(model, f"{offset}-0") is None
    assert row(model, f"{offset - 1}-0") is not None
    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    write(model, fence(offset, offset + 1), *some)
    assert row(model, f"{offset}-1999") is not None


@pytest.mark.parametrize("pooled", [False, True])
@pytest.mark.parametrize("held", ["the row", "the table", "the fence"])
def test_somebody_elses_lock_is_an_outage_and_no_fault_of_the_event(
    url: str, opened: OpenModel, pgbouncer: Pgbouncer, held: str, pooled: bool
) -> None:
    model = opened(pgbouncer.url(url) if pooled else url, pooled=pooled, seconds=0.5)
    begun(model)
    adding = Transacting(Adding(), model)
    adding.apply(batch(fence(-1, 0), ["a"]))
    holding = {
        "the row": "SELECT FROM accounts FOR UPDATE",
        "the table": "LOCK TABLE accounts",
        "the fence": "SELECT FROM projection_offsets FOR UPDATE",
    }
    with psycopg.connect(url) as holder:
        holder.execute(holding[held].encode())
        with pytest.raises(Transient, match="57014") as failure:
            adding.apply(batch(fence(0, 1), ["a"]))
        assert not isinstance(failure.value, Conflict)

    adding.apply(batch(fence(0, 1), ["a"]))
    assert row(model, "a") == ("a", 2, None)


# --- zombies ---


def reads_and_writes(transaction: Transaction) -> None:
    transaction.load(ACCOUNTS, [("a",)])
    transaction.write(ACCOUNTS, [("a", 1000, None)])


def writes_by_the_cursor(transaction: Transaction) -> None:
    transaction.cursor.execute("UPDATE accounts SET count = 1000")


@pytest.mark.parametrize("pooled", [False, True])
@pytest.mark.parametrize("does", [reads_and_writes, writes_by_the_cursor])
def test_a_zombie_within_its_transaction_is_ended_and_its_successor_goes_on_from_before(
    url: str,
    opened: OpenModel,
    pgbouncer: Pgbouncer,
    does: Callable[[Transaction], None],
    pooled: bool,
) -> None:
    zombie = opened(pgbouncer.url(url) if pooled else url, pooled=pooled, seconds=1)
    successor = opened(url, seconds=30)
    begun(zombie)
    write(zombie, fence(-1, 7), ("a", 1, None))

    with pytest.raises(Transient), zombie.transaction(fence(7, 8)) as transaction:  # noqa: PT012 - what is under test raises in the block, or at its end
        does(transaction)
        # It is stopped here. Only the server can end what it holds: the seal waits, and no longer than that.
        assert successor.seal(claim(2), LOG).offset == at(7)
        write(successor, fence(7, 8, epoch=2), ("a", 2, None))
        transaction.write(ACCOUNTS, [("a", 1000, None), ("b", 1000, None)])
    with pytest.raises(Fenced):
        Transacting(Adding(), zombie).apply(batch(fence(7, 8), ["a"]))

    assert row(successor, "a") == ("a", 2, None)
    assert row(successor, "b") is None
    assert offset_in(successor) == at(8)


def test_a_zombie_is_waited_for_while_it_commits(url: str, opened: OpenModel) -> None:
    zombie, successor = opened(url, seconds=30), opened(url, seconds=30)
    begun(zombie)
    with ThreadPoolExecutor(1) as pool:
        with zombie.transaction(fence(-1, 0)) as transaction:
            transaction.write(ACCOUNTS, [("a", 1, None)])
            sealing = pool.submit(successor.seal, claim(2), LOG)
            until_somebody_waits(url)
        assert sealing.result().offset == IntOffset(0)
    with pytest.raises(Fenced), zombie.transaction(fence(0, 1)) as again:
        again.write(ACCOUNTS, [("a", 1000, None)])

    assert row(successor, "a") == ("a", 1, None)


def test_several_fences_are_taken_in_the_order_of_their_partitions(
    url: str, opened: OpenModel
) -> None:
    model = opened(url)
    begun(model)
    begun(model, partition=OTHER)

    def project() -> None:
        with model.transaction(fence(-1, 0, partition=OTHER), fence(-1, 0)):
            pass

    taking = "SELECT FROM projection_offsets WHERE partition = %s FOR UPDATE NOWAIT"
    with ThreadPoolExecutor(1) as pool:
        with psycopg.connect(url) as holder:
            holder.execute(taking, (ORDERS.number,))
            projecting = pool.submit(project)
            until_somebody_waits(url)
            holder.execute(taking, (OTHER.number,))  # it does not hold this one while it waits
        projecting.result()


def test_a_server_that_takes_no_writes_for_now_is_an_outage(
    opened: OpenModel, own_postgresql: Callable[..., Postgresql]
) -> None:
    server = own_postgresql()
    model = opened(server.url)
    begun(model)
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        connection.execute("SELECT pg_reload_conf()")

    def is_read_only() -> bool:
        with psycopg.connect(server.url) as fresh:
            return fresh.execute("SHOW transaction_read_only").fetchone() == ("on",)

    until(is_read_only)
    with pytest.raises(Transient, match="25006"):
        until_it_is_refused(model)


def until_it_is_refused(model: PostgresqlReadModel) -> None:
    """Sessions take settings up one after the other."""
    offset = -1
    while True:
        write(model, fence(offset, offset + 1), ("a", 1, None))
        offset += 1


def test_sql_that_ends_the_transaction_and_begins_another_moves_no_offset_of_a_successor(
    postgresql: PostgresqlServer,
) -> None:
    url, place, log = postgresql.database(), Partition("orders", 0), LogIdentity("log", 1)
    with closing(PostgresqlReadModel(url)) as zombie, closing(PostgresqlReadModel(url)) as other:
        claim = Claim("chained", place, 1, "one", None)
        zombie.seal(claim, log)
        zombie.begin(claim, IntOffset(-1))
        fence = Fence("chained", place, 1, IntOffset(-1), IntOffset(3))

        def writes() -> None:
            with zombie.transaction(fence) as transaction:
                transaction.cursor.execute("COMMIT")
                other.seal(Claim("chained", place, 2, "two", None), log)
                transaction.cursor.execute("BEGIN")

        with pytest.raises(Fenced):
            writes()
        seal = other.sealed("chained", place)
        assert seal is not None
        assert seal.offset == IntOffset(-1)
