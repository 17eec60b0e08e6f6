"""The stores of a read model, looked at and tampered with by their own clients, without our adapters."""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import redis

from consumer import Row, Table
from tests.chain import TABLES, Rows
from tests.contracts.redis_room import fresh


class Store(ABC):
    """Where the rows are."""

    #: As in projections.yaml.
    settings: Mapping[str, Any]

    def rows(self) -> Rows:
        """All rows of all tables; none where a table is missing."""
        return {table.name: self._rows(table) for table in TABLES}

    @abstractmethod
    def empty(self) -> None:
        """Somebody deletes all that there is, our own records too."""

    @abstractmethod
    def another(self) -> Mapping[str, Any]:
        """The settings of one that has nothing yet."""

    @abstractmethod
    def _rows(self, table: Table) -> set[Row]: ...


class SqliteStore(Store):
    """A file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.settings = {"sqlite": {"path": str(path)}}

    def empty(self) -> None:
        with closing(self._connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            found = connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table'"
            ).fetchall()
            for (name,) in found:
                connection.execute(f'DELETE FROM "{name}"')
            connection.execute("COMMIT")

    def another(self) -> Mapping[str, Any]:
        return {"sqlite": {"path": str(self.path.with_name("another.sqlite"))}}

    def copy(self, to: Path) -> None:
        """A whole copy, as a backup is made."""
        with closing(self._connect()) as connection, closing(sqlite3.connect(to)) as other:
            connection.backup(other)

    def _rows(self, table: Table) -> set[Row]:
        with closing(self._connect()) as connection:
            try:
                return set(connection.execute(_select(table)))
            except sqlite3.OperationalError as cause:
                if "no such table" not in str(cause):
                    raise
                return set()

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=20, isolation_level=None)


class PostgresqlStore(Store):
    """A database."""

    def __init__(self, url: str, fresh_database: Callable[[], str] | None = None) -> None:
        self._url = url
        self._fresh_database = fresh_database
        self.settings = {"postgresql": {"url": url}}

    def empty(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            found = connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            ).fetchall()
            connection.execute("TRUNCATE " + ", ".join(name for (name,) in found))

    def another(self) -> Mapping[str, Any]:
        assert self._fresh_database is not None
        return {"postgresql": {"url": self._fresh_database()}}

    def _rows(self, table: Table) -> set[Row]:
        with psycopg.connect(self._url, autocommit=True) as connection:
            try:
                return set(connection.execute(_select(table)).fetchall())
            except psycopg.errors.UndefinedTable:
                return set()


class RedisStore(Store):
    """A prefix."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._prefix = fresh("rows")
        self.settings = {"redis": {"url": url, "prefix": self._prefix}}

    def empty(self) -> None:
        with closing(redis.Redis.from_url(self._url)) as client:
            client.delete(*client.scan_iter(f"*{self._prefix}*", count=1000))

    def another(self) -> Mapping[str, Any]:
        return {"redis": {"url": self._url, "prefix": f"another-{self._prefix}"}}

    def _rows(self, table: Table) -> set[Row]:
        with closing(redis.Redis.from_url(self._url, decode_responses=True)) as client:
            keys = list(client.scan_iter(f"{{{self._prefix}*}}:{table.name}:*", count=1000))
            pipeline = client.pipeline(transaction=False)
            for key in keys:
                pipeline.hgetall(key)
            return {_typed(table, fields) for fields in pipeline.execute() if fields}


def _select(table: Table) -> str:
    return f"SELECT {', '.join(column.name for column in table.columns)} FROM {table.name}"


def _typed(table: Table, fields: Mapping[str, str]) -> Row:
    texts = [(column.kind, fields[column.name]) for column in table.columns]
    return tuple(int(text) if kind == "integer" else text for kind, text in texts)
