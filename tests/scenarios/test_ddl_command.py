"""`projections ddl`: what it prints makes what a worker needs that may make no tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from consumer.cli import exits
from tests.scenarios.shop import Shop
from tests.servers import PostgresqlServer, RedisServer

PROJECTORS = """

from dataclasses import dataclass, replace
from typing import Annotated

from consumer import Event
from projectors import PRIMARY_KEY, SqliteProjector, TableProjector

@dataclass(frozen=True)
class Order:
    id: Annotated[str, PRIMARY_KEY]
    lines: int = 0

orders = TableProjector(Order, table="order", indexes=[["lines"]])

@orders.on("OrderPlaced", key=lambda event: "all")
def placed(row: Order | None, event: Event) -> Order:
    row = row or Order("all")
    return replace(row, lines=row.lines + 1)

class Own:
    name = "own"
    handles = None
    def apply(self, batch):
        pass

class Sql(SqliteProjector):
    name = "sql"
    handles = None
    def apply(self, batch, cursor):
        pass
"""

SETTINGS = """
offsets: {{redis: {{url: "{redis}", prefix: "{prefix}"}}}}
sources:
  main: {{redis: {{url: "{redis}", streams: 4, lease_seconds: 2, prefix: "{prefix}"}}}}
projections:
  orders:
    projector: shop:{projector}
    source: {{from: main, topics: ["{prefix}-orders"]}}
    {rest}
"""

#: Nobody answers here, and nobody is asked.
NOWHERE = "redis://127.0.0.1:1/0"

Make = Callable[..., Shop]


@pytest.fixture
def shop(tmp_path: Path) -> Make:
    def make(projector: str, read_model: str = "", *, redis: str = NOWHERE, rest: str = "") -> Shop:
        prefix = f"ddl-{uuid4().hex}"
        (tmp_path / "shop.py").write_text(PROJECTORS)
        (tmp_path / "projections.yaml").write_text(
            SETTINGS.format(
                redis=redis,
                prefix=prefix,
                projector=projector,
                rest=rest or (read_model and f"read_model: {{{read_model}}}"),
            )
        )
        return Shop(tmp_path, f"{prefix}-orders")

    return make


def worked(shop: Shop, run_sql: Callable[[str], object]) -> None:
    """A worker refuses to start without the tables, and works once they are there."""
    event = '{"type": "OrderPlaced", "subject": "o-1", "data": 1}\n'
    published = shop.projections("publish", shop.topic, "--file", "-", given=event * 3)
    assert published.returncode == 0, published.stderr

    refused = shop.projections("run", "orders", "--until-caught-up")
    assert refused.returncode == exits.MISCONFIGURED, refused.stderr
    assert "projections ddl" in refused.stderr

    printed = shop.projections("ddl", "orders")
    assert (printed.returncode, printed.stderr) == (exits.DONE, "")
    run_sql(printed.stdout)
    run_sql(printed.stdout)  # what is there stays

    ran = shop.projections("run", "orders", "--until-caught-up")
    assert ran.returncode == exits.DONE, ran.stderr


def test_a_worker_that_may_make_no_tables_works_on_those_of_sqlite(
    shop: Make, tmp_path: Path, valkey: RedisServer
) -> None:
    file = tmp_path / "rows.sqlite"
    made = shop("orders", f"sqlite: {{path: {file}, create_tables: false}}", redis=valkey.url)

    with closing(sqlite3.connect(file)) as connection:
        worked(made, connection.executescript)
        assert connection.execute('SELECT id, lines FROM "order"').fetchall() == [("all", 3)]


def test_a_worker_that_may_make_no_tables_works_on_those_of_postgresql(
    shop: Make, valkey: RedisServer, postgresql: PostgresqlServer
) -> None:
    url = postgresql.database()
    made = shop(
        "orders",
        f'postgresql: {{url: "{url}", schema: shop, create_tables: false}}',
        redis=valkey.url,
    )

    with psycopg.connect(url, autocommit=True) as connection:
        run: Any = connection.execute
        worked(made, lambda text: run(text.encode()))
        assert run('SELECT id, lines FROM shop."order"').fetchall() == [("all", 3)]


def test_the_guard_by_sequences_has_a_table_too(shop: Make) -> None:
    rest = "read_model: {sqlite: {path: rows}}\n    sequences: {gaps: halt}"

    plain = shop("orders", "sqlite: {path: rows}").projections("ddl", "orders").stdout
    guarded = shop("orders", rest=rest).projections("ddl", "orders").stdout

    assert guarded.startswith(plain)
    assert guarded.count("CREATE TABLE") == plain.count("CREATE TABLE") + 1


def test_no_server_is_asked_and_no_file_is_made(shop: Make, tmp_path: Path) -> None:
    nowhere = 'postgresql: {url: "postgresql://nobody@127.0.0.1:1/none", schema: shop}'

    assert shop("orders", nowhere).projections("ddl", "orders").returncode == exits.DONE
    assert (
        shop("orders", "sqlite: {path: rows}").projections("ddl", "orders").returncode == exits.DONE
    )
    assert not (tmp_path / "rows").exists()


def test_in_redis_there_is_nothing_to_make(shop: Make) -> None:
    told = shop("orders", f'redis: {{url: "{NOWHERE}"}}').projections("ddl", "orders")

    assert (told.returncode, told.stdout) == (exits.DONE, "")
    assert told.stderr == (
        "projections.orders keeps its rows in Redis, where there are no tables to make\n"
    )


def test_of_sql_of_ones_own_our_table_is_all_that_is_known(shop: Make) -> None:
    told = shop("Sql", "sqlite: {path: rows}").projections("ddl", "orders")

    assert (told.returncode, told.stdout.count("CREATE TABLE")) == (exits.DONE, 1)
    assert told.stderr.startswith("shop:Sql names no tables: these are ours alone")


@pytest.mark.parametrize(
    ("projector", "read_model", "said"),
    [
        ("Own", "", "projections.orders has no read_model: shop:Own writes by itself"),
        ("orders", "", "projections.orders.read_model: order keeps its rows in a read model"),
        ("Own", "sqlite: {path: rows}", "projections.orders.read_model: own writes by itself"),
        (
            "Sql",
            'postgresql: {url: "postgresql://nobody@127.0.0.1:1/none"}',
            "projections.orders.read_model: sql cannot write postgresql",
        ),
        ("nothing", "sqlite: {path: rows}", "projections.orders.projector: shop has no nothing"),
    ],
)
def test_where_there_are_no_tables_the_reason_is_told(
    shop: Make, projector: str, read_model: str, said: str
) -> None:
    told = shop(projector, read_model).projections("ddl", "orders")

    assert (told.returncode, told.stdout) == (exits.MISCONFIGURED, "")
    assert told.stderr.startswith(said)


def test_a_projection_that_is_none_is_told_with_the_nearest(shop: Make) -> None:
    told = shop("orders", "sqlite: {path: rows}").projections("ddl", "order")

    assert told.returncode == exits.MISCONFIGURED
    assert "orders" in told.stderr


def test_offsets_in_postgresql_have_tables_too(
    shop: Make, tmp_path: Path, valkey: RedisServer, postgresql: PostgresqlServer
) -> None:
    url = postgresql.database()
    made = shop("orders", f"sqlite: {{path: {tmp_path / 'rows'}}}", redis=valkey.url)
    settings = tmp_path / "projections.yaml"
    offsets = f'offsets: {{postgresql: {{url: "{url}", schema: book, create_tables: false}}}}'
    lines = settings.read_text().splitlines()
    settings.write_text("\n".join(offsets if "offsets:" in line else line for line in lines))
    event = '{"type": "OrderPlaced", "subject": "o-1", "data": 1}\n'
    assert made.projections("publish", made.topic, "--file", "-", given=event).returncode == 0

    refused = made.projections("run", "orders", "--until-caught-up")
    printed = made.projections("ddl")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(printed.stdout.encode())
        connection.execute(printed.stdout.encode())  # what is there stays
    ran = made.projections("run", "orders", "--until-caught-up")

    assert refused.returncode == exits.MISCONFIGURED
    assert "`projections ddl`" in refused.stderr
    assert (printed.returncode, printed.stderr) == (exits.DONE, "")
    assert ran.returncode == exits.DONE, ran.stderr


def test_offsets_elsewhere_need_none(shop: Make) -> None:
    told = shop("orders", "sqlite: {path: rows}").projections("ddl")

    assert (told.returncode, told.stdout) == (exits.DONE, "")
    assert "nobody makes tables by hand" in told.stderr
