"""Where the demo's read model is: what the settings say of it, how it is asked, what becomes of it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

from consumer.errors import Misconfigured

Rows = Sequence[tuple[Any, ...]]


class Store(Protocol):
    """A database with the read model's tables."""

    @property
    def settings(self) -> str:
        """What projections.yaml says under `read_model`."""

    @property
    def told(self) -> str:
        """Where a person finds the rows when the demo is over, as the beginning of a sentence."""

    def rows(self, query: str) -> Rows:
        """What the query selects. Raises `Misconfigured` while the tables are not there, and `Transient`."""

    def close(self) -> None:
        """Lets the connection go."""


class SqliteStore:
    """A file, which stays."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def settings(self) -> str:
        """As `Store.settings`."""
        # JSON is YAML, whatever the folder is called; and a dollar is no variable.
        path = json.dumps(str(self._path), ensure_ascii=False).replace("${", "$${")
        return f"sqlite: {{path: {path}}}"

    @property
    def told(self) -> str:
        """As `Store.told`."""
        return f"the read model is {self._path}"

    def rows(self, query: str) -> Rows:
        """As `Store.rows`."""
        try:  # not made here, and whoever closes it last clears away its log
            with closing(sqlite3.connect(f"{self._path.as_uri()}?mode=rw", uri=True)) as file:
                return file.execute(query).fetchall()
        except sqlite3.OperationalError as cause:
            raise Misconfigured(f"{self._path} cannot be read: {cause}") from cause

    def close(self) -> None:
        """Nothing is kept open."""


class PostgresqlStore:
    """A database at `url`, whose server ends with the demo. `Misconfigured` where psycopg is not installed."""

    def __init__(self, url: str) -> None:
        from consumer.adapters.postgresql.connection import Database

        self._url = url
        self._database = Database(url)

    @property
    def settings(self) -> str:
        """As `Store.settings`."""
        return f"postgresql: {{url: {self._url}}}"

    @property
    def told(self) -> str:
        """As `Store.told`."""
        return "the read model was a table in a PostgreSQL that has ended with the demo"

    def rows(self, query: str) -> Rows:
        """As `Store.rows`."""
        return self._database.once(query.encode())

    def close(self) -> None:
        """As `Store.close`."""
        self._database.close()
