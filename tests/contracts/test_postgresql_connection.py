"""The door to PostgreSQL, when what is behind it or before it goes wrong."""

# ruff: noqa: PT012, SIM117  what is raised where a block ends is raised by the whole block

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from consumer.adapters.postgresql import patience
from consumer.adapters.postgresql.connection import Cursor, Database
from consumer.embedded.postgresql import Postgresql
from consumer.embedded.process import free_port
from consumer.errors import Closed, Conflict, Misconfigured, Transient
from tests.fleet import eventually
from tests.servers import PostgresqlServer


@pytest.fixture
def url(postgresql: Any) -> str:
    address: str = postgresql.database()
    with psycopg.connect(address) as connection:
        connection.execute("CREATE TABLE kept (number integer PRIMARY KEY)")
    return address


@pytest.fixture(params=["direct", "pooled"])
def database(request: pytest.FixtureRequest, url: str) -> Iterator[Database]:
    if request.param == "direct":
        made = Database(url, seconds=5)
    else:
        pooler: Any = request.getfixturevalue("pgbouncer")
        made = Database(pooler.url(url), seconds=5, pooled=True)
    with closing(made):
        yield made


def kept(url: str) -> list[int]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT number FROM kept ORDER BY number").fetchall()
    return [number for (number,) in rows]


def backend(cursor: Cursor) -> int:
    row = cursor.execute("SELECT pg_backend_pid()").fetchone()
    assert row is not None
    return int(row[0])


def end(url: str, pid: int) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("SELECT pg_terminate_backend(%s, 10000)", (pid,))


# --- how a transaction ends ------------------------------------------------------------------------


def test_a_block_that_ends_well_is_committed_and_another_is_not(
    database: Database, url: str
) -> None:
    with database.transaction() as cursor:
        cursor.execute("INSERT INTO kept VALUES (1)")
    with pytest.raises(ZeroDivisionError), database.transaction() as cursor:
        cursor.execute("INSERT INTO kept VALUES (2)")
        raise ZeroDivisionError
    with database.transaction() as cursor:
        cursor.execute("INSERT INTO kept VALUES (3)")
    assert kept(url) == [1, 3]


def test_an_error_that_the_block_holds_back_is_raised_where_it_would_commit(
    database: Database, url: str
) -> None:
    with (
        pytest.raises(psycopg.errors.InFailedSqlTransaction, match="held back"),
        database.transaction() as cursor,
    ):
        cursor.execute("INSERT INTO kept VALUES (1)")
        with pytest.raises(psycopg.errors.DivisionByZero):
            cursor.execute("SELECT 1 / 0")
    assert kept(url) == []
    with database.transaction() as cursor:
        cursor.execute("INSERT INTO kept VALUES (2)")
    assert kept(url) == [2]


@pytest.mark.parametrize("word", [b"ROLLBACK", b"COMMIT"])
def test_a_block_that_ends_its_transaction_by_itself_is_told(
    database: Database, word: bytes
) -> None:
    with (
        pytest.raises(psycopg.ProgrammingError, match="ended by a statement"),
        database.transaction() as cursor,
    ):
        cursor.execute(word)


def test_psycopgs_word_for_undoing_does_not_pass_for_a_commit(database: Database) -> None:
    with (
        pytest.raises(psycopg.ProgrammingError, match="undone within"),
        database.transaction() as cursor,
    ):
        cursor.execute("INSERT INTO kept VALUES (1)")
        raise psycopg.Rollback


def test_a_ctrl_c_undoes_the_block_and_the_next_one_is_right(database: Database, url: str) -> None:
    with pytest.raises(KeyboardInterrupt), database.transaction() as cursor:
        cursor.execute("INSERT INTO kept VALUES (1)")
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
        cursor.execute("SELECT pg_sleep(60)")
    with database.transaction() as cursor:
        cursor.execute("INSERT INTO kept VALUES (2)")
    assert kept(url) == [2]


def test_a_pipeline_that_broke_leaves_nothing_behind(database: Database, url: str) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero), database.transaction() as cursor:
        with cursor.connection.pipeline():
            cursor.execute("INSERT INTO kept VALUES (1)")
            cursor.execute("SELECT 1 / 0")
            cursor.execute("INSERT INTO kept VALUES (2)")
    with database.transaction() as cursor:
        cursor.execute("INSERT INTO kept VALUES (3)")
    assert kept(url) == [3]


def test_a_transaction_reads_what_was_committed_meanwhile_whatever_the_default_is(
    database: Database, url: str
) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(
            f'ALTER DATABASE "{name}" SET default_transaction_isolation = serializable'.encode()
        )
    with database.transaction() as cursor:
        cursor.execute("SELECT * FROM kept")
        with psycopg.connect(url) as connection:
            connection.execute("INSERT INTO kept VALUES (1)")
        assert cursor.execute("SELECT number FROM kept").fetchall() == [(1,)]


# --- what is lost ----------------------------------------------------------------------------------


def test_a_connection_that_was_lost_at_rest_is_not_noticed(url: str) -> None:
    with closing(Database(url, seconds=5)) as database:
        for step in (
            lambda: database.once(b"INSERT INTO kept VALUES (1) RETURNING number"),
            lambda: database.once(b"SELECT number FROM kept"),
        ):
            with database.transaction() as cursor:
                pid = backend(cursor)
            end(url, pid)
            assert step() == [(1,)]
        with database.transaction() as cursor:
            pid = backend(cursor)
        end(url, pid)
        with database.transaction() as cursor:
            cursor.execute("INSERT INTO kept VALUES (2)")
    assert kept(url) == [1, 2]


def test_a_connection_that_is_lost_within_a_block_is_an_outage_and_not_repeated(url: str) -> None:
    with closing(Database(url, seconds=5)) as database:
        with pytest.raises(Transient), database.transaction() as cursor:
            cursor.execute("INSERT INTO kept VALUES (1)")
            end(url, backend(cursor))
        with pytest.raises(Transient), database.transaction() as cursor:
            end(url, backend(cursor))
            cursor.execute("INSERT INTO kept VALUES (1)")
        with pytest.raises(ZeroDivisionError), database.transaction() as cursor:
            end(url, backend(cursor))
            raise ZeroDivisionError
        with database.transaction() as cursor:
            cursor.execute("INSERT INTO kept VALUES (2)")
    assert kept(url) == [2]


def test_a_server_that_is_killed_and_comes_back_is_found_again(
    own_postgresql: Callable[..., Postgresql],
) -> None:
    server = own_postgresql()
    with closing(Database(server.url, seconds=5)) as database:
        assert database.once(b"SELECT 1") == [(1,)]
        server.kill()
        for _ in range(2):
            with pytest.raises(Transient, match="out of reach"):
                database.once(b"SELECT 1")
        server.start()
        assert database.once(b"SELECT 1") == [(1,)]


# --- what takes too long ---------------------------------------------------------------------------


def test_a_statement_ends_after_its_time_and_the_connection_stays(
    request: pytest.FixtureRequest, url: str
) -> None:
    pooler: Any = request.getfixturevalue("pgbouncer")
    for database in (
        Database(url, seconds=0.1),
        Database(pooler.url(url), seconds=0.1, pooled=True),
    ):
        with closing(database):
            with pytest.raises(Transient, match="57014"), database.transaction() as cursor:
                cursor.execute("SELECT pg_sleep(60)")
            with pytest.raises(Transient, match="57014"):
                database.once(b"SELECT pg_sleep(%s)", (60,))
            assert database.once(b"SELECT %s::text", ("right",)) == [("right",)]
            with database.transaction() as cursor:
                assert cursor.execute("SELECT 1").fetchall() == [(1,)]


def test_a_process_that_was_stopped_in_a_transaction_holds_its_locks_no_longer_than_that(
    url: str,
) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("INSERT INTO kept VALUES (1)")
    with (
        closing(Database(url, seconds=0.2)) as sleeper,
        pytest.raises(Transient, match=r"25P03|out of reach"),
        sleeper.transaction() as cursor,
    ):
        cursor.execute("SELECT * FROM kept FOR UPDATE")
        with psycopg.connect(url) as connection:  # waits until the server ended the sleeper's
            connection.execute("UPDATE kept SET number = 2")
        cursor.execute("SELECT 1")
    assert kept(url) == [2]


def test_a_server_that_answers_no_more_is_given_up(
    own_postgresql: Callable[..., Postgresql], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "_ON_THE_WAY", 0.2)
    server = own_postgresql()
    with closing(Database(server.url, seconds=0.2)) as database:
        with database.transaction() as cursor:
            pid = backend(cursor)
        os.kill(pid, signal.SIGSTOP)
        try:
            with pytest.raises(Transient, match="no answer"):
                database.once(b"SELECT 1")
            assert database.once(b"SELECT 1") == [(1,)]  # on another connection
        finally:
            os.kill(pid, signal.SIGCONT)


def test_what_has_no_limit_is_waited_for(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "_ON_THE_WAY", 0.0)
    with closing(Database(url)) as database:
        assert database.once(b"SELECT pg_sleep(0.3) IS NULL") == [(False,)]


def test_a_dead_machine_is_noticed_and_the_urls_own_words_go_first(url: str) -> None:
    with closing(
        Database(f"{url}?keepalives_count=7&application_name=mine", seconds=5)
    ) as database:
        with database.transaction() as cursor:
            held = cursor.connection.info.get_parameters()
        assert held["keepalives_idle"] == "10"
        assert held["keepalives_count"] == "7"
        assert held["tcp_user_timeout"] == "25000"
        assert database.once(b"SHOW application_name") == [("mine",)]
    with closing(Database(url)) as database:
        assert database.once(b"SHOW application_name") == [("projections",)]


def test_options_of_the_url_and_of_the_environment_stay_beside_the_limits(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c work_mem=5MB")
    for address, wanted in ((url, "5MB"), (f"{url}?options=-c%20work_mem%3D7MB", "7MB")):
        with closing(Database(address, seconds=5)) as database:
            assert database.once(b"SHOW work_mem") == [(wanted,)]
            assert database.once(b"SHOW statement_timeout") == [("5s",)]


# --- who is let in ---------------------------------------------------------------------------------


@pytest.fixture
def guarded(own_postgresql: Callable[..., Postgresql]) -> str:
    """A server that asks `ada` for her password."""
    server = own_postgresql()
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("CREATE ROLE ada LOGIN PASSWORD 's3cret'")
    rules = server.folder / "data" / "pg_hba.conf"
    rules.write_text(
        "host all postgres 127.0.0.1/32 trust\nhost postgres,template1 ada 127.0.0.1/32 scram-sha-256\n"
    )
    server.restart()
    return server.url.replace("postgres@", "ada@")


def test_the_password_is_asked_for_at_each_connection(guarded: str, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("wrong-one")
    with closing(Database(guarded, password=file.read_text)) as database:
        with pytest.raises(Misconfigured, match='authentication failed for user "ada"') as raised:
            database.once(b"SELECT 1")
        assert "wrong-one" not in str(raised.value)
        file.write_text("s3cret")
        assert database.once(b"SELECT 1") == [(1,)]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("ada@", "ada@"), "no password"),
        (("ada@", "ada:s3cre@"), "authentication failed"),
        (("ada@", "eve:s3cret@"), "no pg_hba.conf entry"),
        (("/postgres", "/elsewhere"), "no pg_hba.conf entry"),
        (("ada@", "postgres@"), None),
    ],
)
def test_who_is_not_let_in_is_told_and_waits_for_nothing(
    guarded: str, change: tuple[str, str], why: str | None
) -> None:
    with closing(Database(guarded.replace(*change))) as database:
        if why is None:
            assert database.once(b"SELECT 1") == [(1,)]
            return
        with pytest.raises(Misconfigured, match=why) as raised:
            database.once(b"SELECT 1")
        assert "s3cre" not in str(raised.value)


def test_a_database_or_a_role_that_is_missing_and_tls_that_is_not_there_are_told(url: str) -> None:
    base, _, _ = url.rpartition("/")
    for address, why in (
        (f"{base}/never-made", 'database "never-made" does not exist'),
        (f"{url}?user=nobody-known", "does not exist"),
        (f"{url}?sslmode=require", "does not support SSL"),
        (f"{url}?sslmode=verify-full&sslrootcert=/nowhere.pem", "certificate|does not support SSL"),
        (f"{url}?sslmode=sometimes", "sslmode"),
    ):
        with closing(Database(address)) as database, pytest.raises(Misconfigured, match=why):
            database.once(b"SELECT 1")


def test_a_pooler_that_was_not_announced_is_named(pgbouncer: Any, url: str) -> None:
    with closing(Database(pgbouncer.url(url), seconds=5)) as database:
        with pytest.raises(Misconfigured, match="pooled: true"):
            database.once(b"SELECT 1")


def test_nobody_there_is_an_outage() -> None:
    with closing(Database(f"postgresql://postgres:s3cret@127.0.0.1:{free_port()}/x")) as database:
        with pytest.raises(Transient, match="out of reach") as raised:
            database.once(b"SELECT 1")
        assert "s3cret" not in str(raised.value)


def test_a_host_that_says_nothing_is_an_outage() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        address = f"postgresql://127.0.0.1:{port}/x?connect_timeout=2"
        with closing(Database(address)) as database, pytest.raises(Transient):
            database.once(b"SELECT 1")


def test_of_two_that_lock_each_other_one_is_to_run_again(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("INSERT INTO kept VALUES (1), (2)")
    lock = "SELECT number FROM kept WHERE number = %s FOR UPDATE"
    both = threading.Barrier(2)
    ends: list[str] = []

    def run(first: int, second: int) -> None:
        with closing(Database(url, seconds=30)) as database:
            try:
                with database.transaction() as cursor:
                    cursor.execute(lock, (first,))
                    both.wait()
                    cursor.execute(lock, (second,))
            except Conflict:
                ends.append("again")
            else:
                ends.append("done")

    threads = [threading.Thread(target=run, args=pair) for pair in ((1, 2), (2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ends) == ["again", "done"]


# --- closing ---------------------------------------------------------------------------------------


def test_a_closed_one_says_so_and_leaves_no_connection(url: str) -> None:
    database = Database(url)
    with database.transaction() as cursor:
        pid = backend(cursor)
    database.close()
    database.close()
    with pytest.raises(Closed):
        database.once(b"SELECT 1")
    with pytest.raises(Closed), database.transaction():
        pass
    with psycopg.connect(url, autocommit=True) as connection:
        eventually(
            lambda: (
                not connection.execute(
                    "SELECT 1 FROM pg_stat_activity WHERE pid = %s", (pid,)
                ).fetchall()
            ),
            "the server let it go",
        )


def test_no_plan_outlives_the_size_of_its_table(postgresql: PostgresqlServer) -> None:
    database = Database(postgresql.database())
    with closing(database), database.transaction() as cursor:
        assert cursor.execute("SHOW plan_cache_mode").fetchone() == ("force_custom_plan",)
