"""The suites of `ReadModel` in a SQLite file, and what only such a file can do."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest

from consumer.adapters.sqlite.ddl import ddl
from consumer.adapters.sqlite.offset_store import SqliteOffsetStore
from consumer.adapters.sqlite.presence import SqlitePresence
from consumer.adapters.sqlite.read_model import SqliteReadModel
from consumer.engine.transacting import Transacting
from consumer.errors import Conflict, Misconfigured, RowRefused, Transient
from consumer.model.position import Partition
from consumer.model.table import Column, Kind, Table
from consumer.ports.read_model import ReadModel, Transaction
from tests.contracts.read_model_contract import (
    ACCOUNTS,
    LOG,
    OTHER,
    ROOMS,
    Adding,
    DurableReadModelContract,
    at,
    batch,
    begun,
    fence,
    offset_in,
    row,
    write,
)
from tests.contracts.read_model_values_contract import ReadModelValuesContract


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rows.db"


@pytest.fixture
def open_model(path: Path) -> Callable[[], ReadModel]:
    return lambda: SqliteReadModel(path)


class TestSqliteReadModel(DurableReadModelContract):
    @pytest.fixture
    def open_model(self, open_model: Callable[[], ReadModel]) -> Callable[[], ReadModel]:
        return open_model


class TestSqliteReadModelValues(ReadModelValuesContract):
    @pytest.fixture
    def open_model(self, open_model: Callable[[], ReadModel]) -> Callable[[], ReadModel]:
        return open_model


@pytest.fixture
def model(path: Path) -> Iterator[SqliteReadModel]:
    yield from prepared(path)


@pytest.fixture
def other(path: Path, model: SqliteReadModel) -> Iterator[SqliteReadModel]:
    yield from prepared(path)


def prepared(path: Path) -> Iterator[SqliteReadModel]:
    model = SqliteReadModel(path)
    model.prepare([ACCOUNTS, ROOMS], lambda transaction: None)
    model._file.connection.execute("PRAGMA busy_timeout = 10")
    yield model
    model.close()


# --- who is stopped, or killed ---

STOPPED = """
import sys
from consumer.adapters.sqlite.read_model import SqliteReadModel
from consumer.errors import Conflict
from tests.contracts.read_model_contract import *

model = SqliteReadModel(sys.argv[1])
begun(model)
for attempt in (1, 2):
    try:
        with model.transaction(fence(-1, 1)) as transaction:
            found = transaction.load(ACCOUNTS, [("a",)]).get(("a",), ("a", 0, None))
            transaction.write(ACCOUNTS, [("a", found[1] + 1, None)])
            if sys.argv[2] == "with a cursor":
                transaction.cursor
            print("folding", flush=True)
            sys.stdin.readline()
        print("written", flush=True)
        break
    except Conflict:
        print("conflict", flush=True)
sys.stdin.readline()
"""


class Stopped:
    """A process that has loaded and folded a row, and is stopped before it writes it."""

    def __init__(self, path: Path, how: str = "") -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", STOPPED, str(path), how],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.said() == "folding"
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WNOWAIT)

    def said(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline().strip()

    def go_on(self) -> None:
        assert self._process.stdin
        self._process.send_signal(signal.SIGCONT)
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def answer(self) -> None:
        assert self._process.stdin
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def stopped(path: Path, model: SqliteReadModel) -> Iterator[Stopped]:
    process = Stopped(path)
    yield process
    process.kill()


def test_a_process_that_is_stopped_while_it_folds_makes_nobody_wait(
    model: SqliteReadModel, stopped: Stopped
) -> None:
    begun(model, partition=OTHER)
    model._file.connection.execute("PRAGMA busy_timeout = 0")
    write(model, fence(-1, 1, partition=OTHER), ("a", 10, None))
    model.reset("others", {}).__enter__()

    stopped.go_on()
    assert stopped.said() == "conflict"  # it folds again, on what is there now
    assert stopped.said() == "folding"
    stopped.answer()
    assert stopped.said() == "written"
    assert row(model, "a") == ("a", 11, None)


def test_a_process_that_is_stopped_with_a_cursor_makes_others_wait_until_it_is_gone(
    path: Path, model: SqliteReadModel
) -> None:
    begun(model, partition=OTHER)
    stopped = Stopped(path, "with a cursor")
    try:
        with pytest.raises(Transient, match=r"rows\.db.*locked"):
            write(model, fence(-1, 1, partition=OTHER), ("a", 10, None))
        assert offset_in(model, OTHER) == at(-1)
    finally:
        stopped.kill()

    write(model, fence(-1, 1, partition=OTHER), ("a", 10, None))
    assert row(model, "a") == ("a", 10, None)
    assert offset_in(model) == at(-1)


def test_what_was_written_outlives_kill_9_and_what_was_not_leaves_nothing(
    model: SqliteReadModel, stopped: Stopped
) -> None:
    stopped.go_on()
    assert stopped.said() == "written"
    stopped.kill()

    assert row(model, "a") == ("a", 1, None)
    assert offset_in(model) == at(1)


# --- others in the same file ---


def test_signs_of_life_and_offsets_in_the_same_file_are_no_conflict(
    path: Path, model: SqliteReadModel
) -> None:
    begun(model)
    write(model, fence(-1, 0), ("a", 1, None))
    presence, offsets = SqlitePresence(path), SqliteOffsetStore(path)
    with model.transaction(fence(0, 1)) as transaction:
        found = transaction.load(ACCOUNTS, [("a",), ("b",)])
        presence.extend("worker-1", 10)
        offsets.claim("customers", Partition("orders", 3), owner="worker-1", log=LOG)
        transaction.write(ACCOUNTS, [("a", found["a",][1] + 1, None)])
    presence.close()
    offsets.close()

    assert row(model, "a") == ("a", 2, None)


@pytest.mark.parametrize("absent", [True, False])
def test_what_another_connection_wrote_between_two_loads_is_noticed_for_the_first(
    model: SqliteReadModel, other: SqliteReadModel, absent: bool
) -> None:
    begun(model)
    begun(other, partition=OTHER)
    write(model, fence(-1, 0), ("b", 1, None), *([] if absent else [("a", 1, None)]))

    with pytest.raises(Conflict, match="accounts"), model.transaction(fence(0, 1)) as transaction:  # noqa: PT012 - at its end
        transaction.load(ACCOUNTS, [("a",)])
        write(other, fence(-1, 0, partition=OTHER), ("a", 2, None))
        transaction.load(ACCOUNTS, [("b",)])
        transaction.write(ACCOUNTS, [("a", 3, None), ("b", 3, None)])

    assert row(model, "a") == ("a", 2, None)


def test_what_the_same_connection_wrote_meanwhile_is_noticed_too(model: SqliteReadModel) -> None:
    begun(model)
    begun(model, partition=OTHER)
    with pytest.raises(Conflict), model.transaction(fence(-1, 1)) as transaction:  # noqa: PT012 - at its end
        transaction.load(ACCOUNTS, [("a",)])
        write(model, fence(-1, 0, partition=OTHER), ("a", 2, None))
        transaction.write(ACCOUNTS, [("a", 1, None)])

    assert row(model, "a") == ("a", 2, None)


def test_a_repeated_transaction_writes_nothing_whatever_its_block_does(
    model: SqliteReadModel,
) -> None:
    begun(model)
    write(model, fence(-1, 1), ("a", 1, None))
    with model.transaction(fence(-1, 1)) as transaction:
        transaction.write(ACCOUNTS, [("a", 2, None)])
    with model.transaction(fence(-1, 1)) as transaction:
        transaction.cursor.execute("DELETE FROM accounts")
        transaction.write(ACCOUNTS, [("b", 2, None)])

    assert row(model, "a") == ("a", 1, None)
    assert row(model, "b") is None


# --- the cursor ---


def test_a_cursor_reads_and_writes_within_the_transaction(
    model: SqliteReadModel, other: SqliteReadModel
) -> None:
    begun(model)
    with model.transaction(fence(-1, 1)) as transaction:
        transaction.write(ACCOUNTS, [("a", 1, None)])  # before there is a cursor
        cursor = transaction.cursor
        assert cursor.execute("SELECT count FROM accounts WHERE id = 'a'").fetchone() == (1,)
        cursor.execute("UPDATE accounts SET count = count + 1")
        assert transaction.load(ACCOUNTS, [("a",)]) == {("a",): ("a", 2, None)}
        transaction.write(ACCOUNTS, [("b", 2, None)])
        transaction.cursor.executescript(
            "CREATE TABLE IF NOT EXISTS notes (t TEXT); INSERT INTO notes VALUES ('a;b') ;\n"
        )
        count = "SELECT count(*) FROM accounts"
        assert other._file.connection.execute(count).fetchone() == (0,)  # readers wait for nobody

    assert row(other, "a") == ("a", 2, None)
    assert row(other, "b") == ("b", 2, None)
    assert other._file.connection.execute("SELECT t FROM notes").fetchall() == [("a;b",)]
    with pytest.raises(ZeroDivisionError), model.transaction(fence(1, 2)) as transaction:  # noqa: PT012 - within
        transaction.cursor.executescript("DELETE FROM accounts; DELETE FROM notes")
        raise ZeroDivisionError
    assert row(other, "a") == ("a", 2, None)
    assert offset_in(other) == at(1)


def test_a_cursor_is_not_given_on_what_others_changed(
    model: SqliteReadModel, other: SqliteReadModel
) -> None:
    begun(model)
    begun(other, partition=OTHER)
    with pytest.raises(Conflict), model.transaction(fence(-1, 1)) as transaction:  # noqa: PT012 - within
        transaction.load(ACCOUNTS, [("a",)])
        write(other, fence(-1, 0, partition=OTHER), ("a", 2, None))
        _ = transaction.cursor

    write(model, fence(-1, 1), ("a", 3, None))


@pytest.mark.parametrize("ends", ["COMMIT", "ROLLBACK"])
def test_a_projector_that_ends_the_transaction_itself_is_told(
    model: SqliteReadModel, ends: str
) -> None:
    begun(model)
    with (
        pytest.raises(Misconfigured, match="neither commit nor roll back"),
        model.transaction(fence(-1, 1)) as transaction,
    ):
        transaction.cursor.execute(ends)

    assert offset_in(model) == at(-1)
    write(model, fence(-1, 1), ("a", 1, None))


def test_a_mistake_in_a_projectors_sql_is_its_own_and_changes_nothing(
    model: SqliteReadModel,
) -> None:
    begun(model)
    for statement in ("SELECT nothing", "INSERT INTO accounts VALUES (NULL, 1, NULL)"):
        with pytest.raises(sqlite3.Error), model.transaction(fence(-1, 1)) as transaction:  # noqa: PT012 - within
            transaction.write(ACCOUNTS, [("a", 1, None)])
            transaction.cursor.execute(statement)

    assert row(model, "a") is None
    write(model, fence(-1, 1), ("a", 1, None))


def test_an_outage_met_by_a_projectors_cursor_is_an_outage(model: SqliteReadModel) -> None:
    begun(model)
    with (
        pytest.raises(Transient, match=r"rows\.db.*readonly"),
        model.transaction(fence(-1, 1)) as transaction,
    ):
        transaction.cursor.execute("PRAGMA query_only = ON").execute("DELETE FROM accounts")
    model._file.connection.execute("PRAGMA query_only = OFF")

    write(model, fence(-1, 1), ("a", 1, None))


# --- outages ---


def test_a_full_disk_is_waited_out_and_nothing_is_half_written(model: SqliteReadModel) -> None:
    begun(model)
    connection = model._file.connection
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    adding = Transacting(Adding(), model)
    ids = [f"{'long' * 100}-{number}" for number in range(200)]

    for _ in range(2):
        with pytest.raises(Transient, match=r"rows\.db.*full"):
            adding.apply(batch(fence(-1, 1), ids))
        assert row(model, ids[0]) is None
        assert offset_in(model) == at(-1)

    connection.execute("PRAGMA max_page_count = 100000")
    adding.apply(batch(fence(-1, 1), ids))
    assert row(model, ids[0]) == (ids[0], 1, None)
    assert offset_in(model) == at(1)


def test_a_file_that_became_read_only_is_waited_out(model: SqliteReadModel) -> None:
    begun(model)
    model._file.connection.execute("PRAGMA query_only = ON")
    with pytest.raises(Transient, match=r"rows\.db.*readonly"):
        write(model, fence(-1, 1), ("a", 1, None))
    model._file.connection.execute("PRAGMA query_only = OFF")

    assert row(model, "a") is None
    write(model, fence(-1, 1), ("a", 1, None))


def test_a_file_that_another_process_locks_is_waited_out(
    model: SqliteReadModel, path: Path
) -> None:
    begun(model)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(Transient, match=r"rows\.db.*locked"):
        write(model, fence(-1, 1), ("a", 1, None))
    assert offset_in(model) == at(-1)  # readers wait for no writer
    holder.execute("ROLLBACK")
    holder.close()

    write(model, fence(-1, 1), ("a", 1, None))


def test_what_is_written_is_on_the_disk(model: SqliteReadModel) -> None:
    (synchronous,) = model._file.connection.execute("PRAGMA synchronous").fetchone()
    assert synchronous == 2  # FULL: the log is synced with each commit


# --- tables ---

ALL = Table(
    "all_kinds",
    (
        *(Column(kind.value, kind) for kind in Kind),
        *(Column(f"{kind.value}_s", kind, nullable=True, array=True) for kind in Kind),
    ),
    key=("text", "integer"),
    indexes=(("timestamp",),),
)


def test_tables_that_a_person_makes_are_taken_as_they_are(path: Path) -> None:
    tables = [ACCOUNTS, ROOMS, ALL]
    with pytest.raises(Misconfigured, match=r"projection_seals, accounts, rooms.*projections ddl"):
        SqliteReadModel(path, create_tables=False).prepare(tables[:2], lambda transaction: None)

    connection = sqlite3.connect(path)
    connection.executescript(ddl(tables))
    connection.executescript(ddl(tables))  # safe to repeat
    before = connection.execute("SELECT sql FROM sqlite_master ORDER BY name").fetchall()
    for creates in (False, True):
        model = SqliteReadModel(path, create_tables=creates)
        model.prepare(tables, lambda transaction: None)
        model.close()
    assert connection.execute("SELECT sql FROM sqlite_master ORDER BY name").fetchall() == before
    connection.close()


def test_a_table_that_is_missing_is_named_and_not_made(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.executescript(ddl([ACCOUNTS]))
    connection.close()
    model = SqliteReadModel(path, create_tables=False)
    with pytest.raises(Misconfigured, match=r"no table rooms: "):
        model.prepare([ACCOUNTS, ROOMS], lambda transaction: None)
    model.close()


def test_each_difference_is_told_as_it_is_and_as_it_should_be(
    path: Path, model: SqliteReadModel
) -> None:
    model._file.connection.execute("DROP TABLE accounts")
    model._file.connection.execute(
        "CREATE TABLE accounts (id TEXT PRIMARY KEY, count NUMERIC NOT NULL, extra TEXT, note TEXT NOT NULL)"
    )
    with pytest.raises(Misconfigured) as refusal:
        model.prepare([ACCOUNTS], lambda transaction: None)

    assert "count is NUMERIC NOT NULL, and should be INTEGER NOT NULL" in str(refusal.value)
    assert "note is TEXT NOT NULL, and should be TEXT;" in str(refusal.value)
    assert "extra is no column of the projector's" in str(refusal.value)


def test_names_that_are_words_of_sql_are_names(path: Path) -> None:
    table = Table(
        "select",
        (Column("order", Kind.TEXT), Column("group", Kind.INTEGER), Column("where", Kind.TEXT)),
        key=("order", "group"),
        indexes=(("group", "where"),),
    )
    model = SqliteReadModel(path)
    model.prepare([table], lambda transaction: None)
    begun(model)
    write(model, fence(-1, 1), ("a", 1, "x"), ("a", 2, "y"), table=table)
    with model.transaction(fence(1, 2)) as transaction:
        transaction.write(table, [("a", 1, "z")], gone=[("a", 2)])

    assert row(model, "a", 1, table=table) == ("a", 1, "z")
    model.close()


def test_any_tool_can_query_the_rows(path: Path) -> None:
    table = Table(
        "orders",
        (
            Column("id", Kind.INTEGER),
            Column("placed_at", Kind.TIMESTAMP),
            Column("total", Kind.DECIMAL),
            Column("is_paid", Kind.BOOLEAN),
            Column("tags", Kind.TEXT, array=True),
            Column("data", Kind.JSON),
        ),
        key=("id",),
    )
    in_tokyo = timezone(timedelta(hours=9))
    model = SqliteReadModel(path)
    model.prepare([table], lambda transaction: None)
    begun(model)
    write(
        model,
        fence(-1, 1),
        (
            1,
            datetime(2026, 11, 23, 9, 0, tzinfo=in_tokyo),
            Decimal("1E+3"),
            True,
            ["é"],
            '{"a": 1}',
        ),
        (2, datetime(2026, 11, 23, 0, 0, 0, 1, UTC), Decimal("0.10"), False, [], "[]"),
        table=table,
    )
    model.close()

    connection = sqlite3.connect(path)
    assert connection.execute("SELECT * FROM orders ORDER BY placed_at").fetchall() == [
        (1, "2026-11-23T00:00:00.000000Z", "1000", 1, '["é"]', '{"a": 1}'),
        (2, "2026-11-23T00:00:00.000001Z", "0.10", 0, "[]", "[]"),
    ]
    assert connection.execute(
        "SELECT date(placed_at), json_extract(tags, '$[0]'), json_extract(data, '$.a') FROM orders WHERE id = 1"
    ).fetchone() == ("2026-11-23", "é", 1)
    connection.close()


@pytest.mark.skipif(sqlite3.sqlite_version_info < (3, 37), reason="it knows no strict tables")
def test_whoever_writes_a_row_writes_values_of_its_columns_types(model: SqliteReadModel) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="TEXT value in INTEGER column"):
        model._file.connection.execute("INSERT INTO accounts VALUES ('a', 'many', NULL)")


def test_a_path_in_no_folder_and_a_file_that_is_no_database_are_refused(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no database " * 100)

    with pytest.raises(Misconfigured, match=r"nowhere/rows\.db"):
        SqliteReadModel(tmp_path / "nowhere" / "rows.db")
    with pytest.raises(Misconfigured, match=r"notes\.txt"):
        SqliteReadModel(text)
    assert text.read_text() == "no database " * 100


@pytest.mark.parametrize("is_last", [True, False])
def test_a_projector_that_goes_on_after_a_refusal_writes_nothing(
    model: SqliteReadModel, is_last: bool
) -> None:
    begun(model)
    write(model, fence(-1, 0), ("taken", 1, None))
    with (  # noqa: PT012 - it is raised again at the end of the block
        pytest.raises(RowRefused, match="accounts is there already"),
        model.transaction(fence(0, 1)) as transaction,
    ):
        rows = [*[(f"new {n}", 1, None) for n in range(100)], ("taken", 2, None)]
        if is_last:
            assert transaction.cursor
        with suppress(RowRefused):
            transaction.append(ACCOUNTS, rows)
            transaction.write(ACCOUNTS, [("precious", 1, None)])
            assert transaction.cursor
        transaction.write(ACCOUNTS, [("later", 1, None)])

    assert offset_in(model) == at(0)
    for name in ("new 0", "precious", "later"):
        assert row(model, name) is None


def test_a_row_of_too_many_values_or_too_few_is_refused(model: SqliteReadModel) -> None:
    begun(model)
    for bad in (("a", 1), ("a", 1, None, None)):
        with pytest.raises(ValueError, match=r"accounts.* 3 values, not [24]"):
            write(model, fence(-1, 1), bad)
    with pytest.raises(ValueError, match="3 values, not 2"):
        write(model, fence(-1, 1), ("a", 1, None), ("b", 1))

    def load(transaction: Transaction) -> None:
        transaction.load(ROOMS, [("ritz",)])

    with pytest.raises(ValueError, match="2 values, not 1"):
        model.prepare([], load)
    assert row(model, "a") is None
