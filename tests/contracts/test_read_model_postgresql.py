"""The suites of `ReadModel` on PostgreSQL, directly and behind a pooler, and what is its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, LiteralString

import psycopg
import pytest

from consumer.adapters.postgresql.ddl import ddl
from consumer.adapters.postgresql.read_model import PostgresqlReadModel
from consumer.engine.transacting import Transacting
from consumer.errors import Conflict, Misconfigured
from consumer.model.position import Partition
from consumer.model.seal import Seal
from consumer.model.table import Column, Key, Kind, Row, Table
from consumer.ports.read_model import Transaction
from tests.contracts.postgresql_story import until_it_goes_through, until_somebody_waits
from tests.contracts.read_model_contract import (
    ACCOUNTS,
    LOG,
    ORDERS,
    OTHER,
    ROOMS,
    Adding,
    DurableReadModelContract,
    at,
    batch,
    begun,
    claim,
    fence,
    offset_in,
    row,
    rows,
    write,
)
from tests.contracts.read_model_values_contract import ReadModelValuesContract
from tests.servers import Pgbouncer, PostgresqlServer

OpenModel = Callable[..., PostgresqlReadModel]


class TestPostgresqlReadModel(DurableReadModelContract):
    seal_waits = True

    @pytest.fixture
    def open_model(self, postgresql: PostgresqlServer) -> OpenModel:
        url = postgresql.database()
        return lambda: PostgresqlReadModel(url, schema="shop", seconds=30)


class TestPostgresqlReadModelValues(ReadModelValuesContract):
    @pytest.fixture
    def open_model(self, postgresql: PostgresqlServer) -> OpenModel:
        url = postgresql.database()
        return lambda: PostgresqlReadModel(url)


class TestPooledReadModel(DurableReadModelContract):
    seal_waits = True

    @pytest.fixture
    def open_model(self, postgresql: PostgresqlServer, pgbouncer: Pgbouncer) -> OpenModel:
        url = pgbouncer.url(postgresql.database())
        return lambda: PostgresqlReadModel(url, schema="shop", pooled=True, seconds=30)


class TestPooledReadModelValues(ReadModelValuesContract):
    @pytest.fixture
    def open_model(self, postgresql: PostgresqlServer, pgbouncer: Pgbouncer) -> OpenModel:
        url = pgbouncer.url(postgresql.database())
        return lambda: PostgresqlReadModel(url, pooled=True)


@pytest.fixture
def url(postgresql: PostgresqlServer) -> str:
    return postgresql.database()


@pytest.fixture
def opened(url: str) -> Iterator[OpenModel]:
    models: list[PostgresqlReadModel] = []

    def opening(**options: Any) -> PostgresqlReadModel:
        models.append(PostgresqlReadModel(options.pop("url", url), **options))
        return models[-1]

    yield opening
    for model in models:
        model.close()


@pytest.fixture
def model(opened: OpenModel) -> PostgresqlReadModel:
    model = opened()
    model.prepare([ACCOUNTS, ROOMS], lambda transaction: None)
    return model


def asked(url: str, query: LiteralString) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(query)
        return cursor.fetchall() if cursor.description else []


def nothing_else(transaction: Transaction) -> None:
    pass


# --- tables ---


def test_what_ddl_prints_is_all_that_is_needed_and_may_run_again(
    url: str, opened: OpenModel
) -> None:
    tables = [ACCOUNTS, ROOMS]
    with pytest.raises(
        Misconfigured, match=r"projection_offsets, accounts, rooms are missing.*projections ddl"
    ):
        opened(schema="shop", create_tables=False).prepare(tables, nothing_else)
    with psycopg.connect(url, autocommit=True) as connection:
        for _ in range(2):
            connection.execute(ddl(tables, schema="shop").encode())

    model = opened(schema="shop", create_tables=False)
    model.prepare(tables, nothing_else)
    opened(schema="shop").prepare(tables, nothing_else)
    begun(model)
    write(model, fence(-1, 0), ("a", 1, None))
    assert row(model, "a") == ("a", 1, None)
    indexes = asked(url, "SELECT indexname FROM pg_indexes WHERE schemaname = 'shop'")
    assert {name for (name,) in indexes} == {
        *("accounts_pkey", "rooms_pkey", "projection_offsets_pkey"),
        *("accounts_count_idx", "accounts_note_count_idx"),
    }


def test_the_workers_role_needs_no_right_to_make_anything(url: str, opened: OpenModel) -> None:
    role = f"worker_{url.rpartition('_')[2]}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(ddl([ACCOUNTS], schema="shop").encode())
        connection.execute(f'CREATE ROLE "{role}" LOGIN'.encode())
        connection.execute(f"REVOKE ALL ON DATABASE {url.rpartition('/')[2]} FROM PUBLIC".encode())
        connection.execute(f"GRANT CONNECT ON DATABASE {url.rpartition('/')[2]} TO {role}".encode())
        connection.execute(f"GRANT USAGE ON SCHEMA shop TO {role}".encode())
        connection.execute(
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA shop TO {role}".encode()
        )
    model = opened(url=url.replace("postgres@", f"{role}@"), schema="shop")
    model.prepare([ACCOUNTS], nothing_else)
    begun(model)
    with model.transaction(fence(-1, 0)) as transaction:
        transaction.load(ACCOUNTS, [("a",)])
        transaction.write(ACCOUNTS, [("a", 1, None), ("b", 1, None)])
        transaction.append(ACCOUNTS, [("c", 1, None)])
        transaction.write(ACCOUNTS, [], gone=[("b",)])
    with model.reset("customers", {ORDERS: Seal(5, "reset", LOG, at(-1))}) as transaction:
        transaction.clear(ACCOUNTS)
    assert row(model, "a") is None

    with pytest.raises(Misconfigured, match="permission denied"):
        model.prepare([Table("new", ACCOUNTS.columns, ("id",))], nothing_else)


@pytest.mark.parametrize(
    ("made", "told"),
    [
        ("id text PRIMARY KEY, count integer NOT NULL, note text", "count is integer.*be bigint"),
        ("id varchar(9) PRIMARY KEY, count bigint NOT NULL, note text", "id is character varying"),
        ("id text PRIMARY KEY, count bigint, note text", "count takes NULL"),
        ("id text PRIMARY KEY, count bigint NOT NULL, note text NOT NULL", "note is NOT NULL"),
        ("id text NOT NULL, count bigint NOT NULL, note text", "primary key is missing"),
        ("id text NOT NULL, count bigint PRIMARY KEY, note text", r"primary key is \(count\)"),
        (
            "id text, count bigint NOT NULL, note text, PRIMARY KEY (id) DEFERRABLE",
            "primary key is missing",
        ),
        (
            "id text PRIMARY KEY, count bigint GENERATED ALWAYS AS (1) STORED NOT NULL, note text",
            "count is generated",
        ),
        (
            "id text PRIMARY KEY, count bigint NOT NULL, note text, added text NOT NULL",
            "added is nobody's",
        ),
        ("note text, added text NOT NULL", "id .text. is missing.*count.*added.*primary key"),
    ],
)
def test_a_table_that_somebody_made_otherwise_is_refused_with_what_differs(
    url: str, opened: OpenModel, made: str, told: str
) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(f"CREATE TABLE accounts ({made})".encode())

    with pytest.raises(Misconfigured, match=rf"public\.accounts.*{told}.*projections ddl"):
        opened().prepare([ROOMS, ACCOUNTS], nothing_else)
    assert asked(url, "SELECT to_regclass('rooms')") == [(None,)]


def test_columns_of_a_dba_are_left_alone(url: str, opened: OpenModel) -> None:
    asked(
        url,
        "CREATE TABLE accounts (more text, id text PRIMARY KEY, at timestamptz NOT NULL DEFAULT now(),"
        " note text, n bigint GENERATED ALWAYS AS IDENTITY, count bigint NOT NULL)",
    )
    model = opened()
    model.prepare([ACCOUNTS], nothing_else)
    begun(model)
    write(model, fence(-1, 0), ("a", 1, None))
    asked(url, "UPDATE accounts SET more = 'mine'")
    write(model, fence(0, 1), ("a", 2, "two"))

    assert asked(url, "SELECT id, count, note, more FROM accounts") == [("a", 2, "two", "mine")]


def test_a_view_is_no_table(url: str, opened: OpenModel) -> None:
    asked(url, "CREATE VIEW accounts AS SELECT 'a'::text AS id, 1::bigint AS count, '' AS note")

    with pytest.raises(Misconfigured, match="no table"):
        opened().prepare([ACCOUNTS], nothing_else)


def test_an_index_that_is_declared_later_is_made_and_one_that_is_there_is_taken(
    url: str, opened: OpenModel
) -> None:
    plain = Table("accounts", ACCOUNTS.columns, ("id",))
    opened().prepare([plain], nothing_else)
    asked(url, "CREATE INDEX theirs ON accounts (count)")
    for _ in range(2):
        opened().prepare([ACCOUNTS], nothing_else)

    names = asked(url, "SELECT indexname FROM pg_indexes WHERE tablename = 'accounts' ORDER BY 1")
    assert [name for (name,) in names] == ["accounts_note_count_idx", "accounts_pkey", "theirs"]


def test_json_in_a_key_is_refused(opened: OpenModel) -> None:
    table = Table("by_json", (Column("id", Kind.JSON),), ("id",))

    with pytest.raises(Misconfigured, match="id of the table by_json is JSON"):
        opened().prepare([table], nothing_else)


def test_a_database_that_is_not_in_utf8_is_refused(url: str, opened: OpenModel) -> None:
    name = f"{url.rpartition('/')[2]}_latin"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            f"CREATE DATABASE {name} TEMPLATE template0 ENCODING LATIN1 LOCALE 'C'".encode()
        )

    with pytest.raises(Misconfigured, match="UTF8"):
        opened(url=f"{url}_latin").prepare([], nothing_else)


# --- values ---

FAR = Table(
    "far",
    (
        Column("id", Kind.INTEGER),
        Column("when", Kind.TIMESTAMP, True),
        Column("much", Kind.DECIMAL, True),
        Column("json", Kind.JSON, True),
        Column("words", Kind.TEXT, True, array=True),
    ),
    ("id",),
)


@pytest.mark.parametrize("adds", ["write", "append"])
@pytest.mark.parametrize(
    ("column", "value", "why"),
    [
        ("when", datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))), "the years 1 to 9999"),
        ("when", datetime(9999, 12, 31, 23, tzinfo=timezone(-timedelta(hours=2))), "the years 1"),
        ("when", datetime(2026, 1, 1), "no zone"),  # noqa: DTZ001 - it is what is refused
        ("much", Decimal("1e200000"), "digits"),
        ("much", Decimal("1e-20000"), "digits"),
        ("much", 1.5, "Decimal or int is expected, not float"),
        ("json", "{", "no JSON"),
        ("json", "NaN", "no JSON"),
        ("json", '"secret\\u0000"', r"U\+0000"),
        ("json", '"secret\\ud800"', "half a surrogate"),
        ("json", "secret\0", r"U\+0000"),
        ("words", ["secret\0"], r"U\+0000"),
        ("words", ["secret\ud800"], "half a surrogate"),
        ("words", [None], "str is expected, not NoneType"),
        ("words", [["secret"]], "str is expected, not list"),
        ("id", True, "int is expected, not bool"),
        ("id", 2**63, "64 bits"),
        ("id", None, "int is expected"),
    ],
)
def test_a_value_that_is_not_taken_is_told_by_its_column_and_not_quoted(
    opened: OpenModel, adds: str, column: str, value: object, why: str
) -> None:
    model = opened()
    model.prepare([FAR], nothing_else)
    begun(model)
    given = tuple(value if name == column else {"id": 7}.get(name) for name in FAR.by_name)
    others = [(number, None, None, None, None) for number in range(1000, 2000)]

    with (
        pytest.raises(ValueError, match=f"column {column} of the table far .*{why}") as refusal,
        model.transaction(fence(-1, 0)) as transaction,
    ):
        getattr(transaction, adds)(FAR, [*others, given])

    assert "secret" not in str(refusal.value)
    assert refusal.value.__cause__ is None
    assert offset_in(model) == at(-1)
    write(
        model, fence(-1, 0), (1, datetime(1, 1, 1, tzinfo=UTC), Decimal("inf"), "[]", []), table=FAR
    )
    assert row(model, 1, table=FAR) == (
        *(1, datetime(1, 1, 1, tzinfo=UTC), Decimal("Infinity"), "[]", []),
    )


@pytest.mark.parametrize("kind", [Kind.FLOAT, Kind.DECIMAL])
def test_what_is_no_number_is_no_key(opened: OpenModel, kind: Kind) -> None:
    table = Table("by_number", (Column("id", kind),), ("id",))
    key = (float("nan") if kind is Kind.FLOAT else Decimal("nan"),)
    model = opened()
    model.prepare([table], nothing_else)
    begun(model)

    with pytest.raises(ValueError, match="no number"):
        write(model, fence(-1, 0), key, table=table)
    with pytest.raises(ValueError, match="no number"):
        rows(model, table, [key])


def test_rows_of_another_length_and_keys_given_twice_are_told(model: PostgresqlReadModel) -> None:
    begun(model)
    refusals: list[tuple[list[Row], str]] = [
        ([("a", 1)], "3 values, not 2"),
        ([("a", 1, None), ("a", 2, None)], "a key is given twice"),
        (
            [("a" * 9000 + str(hash("a")), 1, "".join(map(chr, range(256, 9000))))],
            "longer than",
        ),
    ]
    for given, why in refusals:
        with pytest.raises(ValueError, match=why):
            write(model, fence(-1, 0), *given)
    with pytest.raises(ValueError, match="twice"), model.transaction(fence(-1, 0)) as transaction:  # noqa: PT012 - what is under test raises in the block, or at its end
        transaction.load(ACCOUNTS, [("a",)])
        transaction.write(ACCOUNTS, [("a", 1, None), ("a", 2, None)])


def test_a_constraint_of_a_dba_is_told_by_its_name(url: str, model: PostgresqlReadModel) -> None:
    begun(model)
    asked(url, "ALTER TABLE accounts ADD CONSTRAINT some_money CHECK (count > 0)")

    with pytest.raises(ValueError, match=r"accounts.*23514.*some_money"):
        write(model, fence(-1, 0), ("secret", 0, None))


def test_a_table_of_keys_alone_is_written_again_and_again(opened: OpenModel) -> None:
    table = Table("seen", (Column("b", Kind.TEXT), Column("a", Kind.INTEGER)), ("a", "b"))
    model = opened()
    model.prepare([table], nothing_else)
    begun(model)
    for number in range(2):
        write(model, fence(number - 1, number), ("x", 1), ("y", 1), table=table)

    assert set(rows(model, table, [(1, "x"), (1, "y")])) == {(1, "x"), (1, "y")}


# --- within a transaction ---


def test_whoever_reads_within_sees_what_was_written_before(model: PostgresqlReadModel) -> None:
    begun(model)
    with model.transaction(fence(-1, 0)) as transaction:
        transaction.write(ACCOUNTS, [("a", 1, None)])
        assert transaction.load(ACCOUNTS, [("a",)]) == {("a",): ("a", 1, None)}
        transaction.write(ACCOUNTS, [("a", 2, None), ("b", 2, None)])
        found = transaction.cursor.execute("SELECT id, count FROM accounts ORDER BY id").fetchall()
        assert found == [("a", 2), ("b", 2)]
        transaction.cursor.execute("UPDATE accounts SET note = 'mine'")
        transaction.write(ACCOUNTS, [("b", 3, None)], gone=[("a",)])

    assert rows(model, ACCOUNTS, [("a",), ("b",)]) == {("b",): ("b", 3, None)}


def test_rows_that_were_not_there_may_be_written_twice_in_a_transaction(
    model: PostgresqlReadModel,
) -> None:
    begun(model)
    with model.transaction(fence(-1, 0)) as transaction:
        transaction.load(ACCOUNTS, [("a",), ("b",), ("c",)])
        transaction.write(ACCOUNTS, [("a", 1, None), ("b", 1, None)])
        transaction.write(ACCOUNTS, [("a", 2, None)], gone=[("b",), ("c",)])
        transaction.write(ACCOUNTS, [("b", 3, None), ("c", 3, None)])
        transaction.load(ACCOUNTS, [("a",), ("b",), ("c",)])

    found = rows(model, ACCOUNTS, [("a",), ("b",), ("c",)])
    assert [count for _, count, _ in found.values()] == [2, 3, 3]


@pytest.mark.parametrize("then", ["written", "deleted", "loaded"])
def test_a_row_that_somebody_else_inserted_after_it_was_not_found_ends_in_a_conflict(
    url: str, model: PostgresqlReadModel, then: str
) -> None:
    begun(model)
    with pytest.raises(Conflict), model.transaction(fence(-1, 0)) as transaction:  # noqa: PT012 - what is under test raises in the block, or at its end
        assert not transaction.load(ACCOUNTS, [("a",), ("b",)])
        asked(url, "INSERT INTO accounts VALUES ('b', 100, 'theirs')")
        if then == "loaded":
            transaction.load(ACCOUNTS, [("b",)])
        given = [("a", 1, None), ("b", 1, None)]
        transaction.write(
            ACCOUNTS,
            given[: 2 if then == "written" else 1],
            gone=[("b",)] if then == "deleted" else [],
        )

    assert rows(model, ACCOUNTS, [("a",), ("b",)]) == {("b",): ("b", 100, "theirs")}
    assert offset_in(model) == at(-1)


@pytest.mark.parametrize("pooled", [False, True])
def test_twenty_writers_of_the_same_missing_rows_lose_none(
    url: str, opened: OpenModel, pgbouncer: Pgbouncer, pooled: bool
) -> None:
    writers, folds = 20, 15
    ready = threading.Barrier(writers)
    ways = {"url": pgbouncer.url(url), "pooled": True} if pooled else {}

    def work(number: int) -> None:
        model = opened(**ways, seconds=60)
        model.prepare([ACCOUNTS], nothing_else)
        partition = Partition("orders", number)
        begun(model, partition=partition)
        adding = Transacting(Adding(), model)
        ready.wait()
        for count in range(folds):
            ids = [f"{count}", f"{count + 1}", "shared", f"{count}-{number}"]
            within = fence(count - 1, count, partition=partition)
            until_it_goes_through(
                lambda: adding.apply(batch(within, ids[:: 1 if number % 2 else -1]))  # noqa: B023 - called at once
            )

    with ThreadPoolExecutor(writers) as pool:
        list(pool.map(work, range(writers)))

    model = opened()
    keys: list[Key] = [("shared",), ("0",), (f"{folds}",), *((f"{n}",) for n in range(1, folds))]
    counts = [found[1] for found in (row(model, *key) for key in keys) if found]
    assert counts == [writers * folds, writers, writers, *[2 * writers] * (folds - 1)]


# --- reset ---


def test_who_reads_while_a_reset_runs_reads_the_old_rows_and_does_not_wait(
    url: str, model: PostgresqlReadModel
) -> None:
    begun(model)
    write(model, fence(-1, 7), ("a", 1, None))
    asked(url, "CREATE TABLE theirs (account text REFERENCES accounts)")
    reading = "SET lock_timeout = '1ms'; SELECT count(*) FROM accounts"

    with model.reset("customers", {ORDERS: Seal(5, "reset", LOG, at(-1))}) as transaction:
        transaction.clear(ACCOUNTS)
        assert transaction.cursor.execute("SELECT count(*) FROM accounts").fetchone() == (0,)
        with psycopg.connect(url) as connection:
            cursor = connection.execute(reading)
            cursor.nextset()
            assert cursor.fetchone() == (1,)

    assert asked(url, "SELECT count(*) FROM accounts") == [(0,)]


def test_a_reset_that_takes_longer_than_a_statement_may_is_not_ended(
    url: str, opened: OpenModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consumer.adapters.postgresql.patience._ON_THE_WAY", 0.1)
    model = opened(seconds=0.2)
    model.prepare([ACCOUNTS], nothing_else)
    begun(model)
    write(model, fence(-1, 7), ("a", 1, None))
    asked(
        url,
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_sleep(0.8); RETURN NULL; END $$;"
        " CREATE TRIGGER slow AFTER DELETE ON accounts EXECUTE FUNCTION slow()",
    )

    with model.reset("customers", {ORDERS: Seal(5, "reset", LOG, at(-1))}) as transaction:
        transaction.clear(ACCOUNTS)

    assert row(model, "a") is None
    assert offset_in(model) == at(-1)


def test_a_partition_that_is_first_taken_while_a_reset_runs_waits_for_it(
    url: str, model: PostgresqlReadModel, opened: OpenModel
) -> None:
    begun(model)
    other = opened()

    with ThreadPoolExecutor(1) as pool:
        with model.reset("customers", {ORDERS: Seal(5, "reset", LOG, at(-1))}):
            sealing = pool.submit(other.seal, claim(3, partition=OTHER), LOG)
            until_somebody_waits(url)
            assert not sealing.done()
        assert sealing.result() == Seal(3, "token-3", LOG, None)
    assert model.sealed("customers", OTHER) == Seal(3, "token-3", LOG, None)
