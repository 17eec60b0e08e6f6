"""The tables of the checkpoints, and of what is kept beside them; made when they are first written to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg

from consumer.adapters.postgresql.connection import Cursor, Database
from consumer.adapters.postgresql.locks import hold
from consumer.errors import Misconfigured

T = TypeVar("T")

#: Checkpoints are written over and over: free room in each page lets PostgreSQL do it in place.
_TABLES = {
    "projection_checkpoints": """
    projection text COLLATE "C" NOT NULL,
    topic text COLLATE "C" NOT NULL,
    partition integer NOT NULL,
    schema integer NOT NULL,
    epoch bigint NOT NULL,
    token text NOT NULL,            -- '' where no claim may commit
    owner text NOT NULL,            -- '' where nobody has it
    log_id text NOT NULL,
    log_partitions integer,         -- NULL where the projection was reset
    "offset" text,
    updated_at timestamptz NOT NULL,
    state text NOT NULL,
    reason text NOT NULL,
    since timestamptz,
    state_epoch bigint NOT NULL,    -- of the claim that left these
    PRIMARY KEY (projection, topic, partition)
) WITH (fillfactor = 50""",
    "projection_store": """
    only_one boolean PRIMARY KEY CHECK (only_one),
    incarnation text NOT NULL       -- an id that goes with the data
""",
    "projection_presence": """
    owner text PRIMARY KEY,
    expires_at timestamptz NOT NULL
""",
    "projection_audit": """
    number bigint GENERATED ALWAYS AS IDENTITY,
    projection text COLLATE "C" NOT NULL,
    reset text NOT NULL,            -- JSON
    PRIMARY KEY (projection, number)
""",
}

_MISSING = (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName)


def definitions(schema: str) -> Sequence[str]:
    """The statements that make the tables where there are none."""
    return [
        f'CREATE TABLE IF NOT EXISTS "{schema}".{name} ({columns.rstrip()}\n)'
        for name, columns in _TABLES.items()
    ]


class CheckpointTables:
    """The tables in `schema`. What only reads finds missing ones empty; what writes makes them first, if
    `create` says so.

    Every method raises as `Database.transaction` does, and `Misconfigured` for what PostgreSQL refuses
    of the data: no record of ours may be refused.
    """

    def __init__(self, database: Database, *, schema: str = "public", create: bool = True) -> None:
        self._database = database
        self._schema = schema
        self._create = create
        self._are_there = False

    def named(self, statement: str) -> bytes:
        """The statement, with the schema before each of the tables that it names."""
        for name in _TABLES:
            statement = statement.replace(f" {name}", f' "{self._schema}".{name}')
        return statement.encode()

    def rows(self, statement: bytes, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Those that one statement reads; none where the tables are missing."""
        try:
            with _ours():
                return self._database.once(statement, values)
        except Misconfigured as cause:
            if isinstance(cause.__cause__, _MISSING):
                return []
            raise

    def changed(self, statement: bytes, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """What one statement that may be run twice wrote and returned."""
        return self._made_anew(lambda: self._database.once(statement, values))

    def write(self, step: Callable[[Cursor], T]) -> T:
        """What `step` returns, done in one transaction."""

        def run() -> T:
            with self._database.transaction() as cursor:
                return step(cursor)

        return self._made_anew(run)

    def close(self) -> None:
        """Lets the connection go. Safe to call twice."""
        self._database.close()

    def _made_anew(self, write: Callable[[], T]) -> T:
        """Somebody may drop the tables, or the database may be swapped for another, while we live."""
        with _ours():
            if not self._are_there:
                self._make()
            try:
                return write()
            except Misconfigured as cause:
                if not isinstance(cause.__cause__, _MISSING):
                    raise
            self._make()
            return write()

    def _make(self) -> None:
        with self._database.transaction() as cursor:
            if missing := self._missing(cursor):
                if not self._create:
                    raise Misconfigured(
                        f"the schema {self._schema} of PostgreSQL lacks {', '.join(missing)}, and create_tables is "
                        "off: make what `projections ddl` prints, without a name"
                    )
                # Of two that make a table at once, PostgreSQL would let one fail.
                hold(cursor, self._schema)
                # It would ask for the right to make it even where it is there.
                cursor.execute("SELECT to_regnamespace(%s)", (f'"{self._schema}"',))
                if cursor.fetchone() == (None,):
                    cursor.execute(f'CREATE SCHEMA "{self._schema}"'.encode())
                for definition in definitions(self._schema):
                    cursor.execute(definition.encode())
        self._are_there = True

    def _missing(self, cursor: Cursor) -> list[str]:
        cursor.execute(
            "SELECT name FROM unnest(%s::text[]) AS name WHERE to_regclass(%s || name) IS NULL",
            (list(_TABLES), f'"{self._schema}".'),
        )
        return [name for (name,) in cursor]


@contextmanager
def _ours() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as cause:
        raise Misconfigured(
            f"PostgreSQL takes no record of this form ({cause.sqlstate or type(cause).__name__}): is a name in it "
            "that holds a U+0000, or were its tables altered?"
        ) from cause
    except UnicodeEncodeError as cause:
        raise Misconfigured("PostgreSQL takes no name that is no Unicode text") from cause
