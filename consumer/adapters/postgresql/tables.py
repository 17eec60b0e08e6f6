"""The tables that are there: what is missing is made, and what is otherwise than it should be is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from consumer.adapters.postgresql.connection import Cursor
from consumer.adapters.postgresql.ddl import (
    index_sql,
    offsets_sql,
    schema_sql,
    table_sql,
    type_of,
)
from consumer.adapters.postgresql.limits import unhurried
from consumer.adapters.postgresql.locks import hold
from consumer.adapters.postgresql.seals import OFFSETS
from consumer.errors import Misconfigured
from consumer.model.table import Column, Kind, Table

_COLUMNS = """
SELECT c.relname, c.relkind = ANY ('{r,p}'), a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
    a.atthasdef OR a.attidentity <> '', a.attgenerated <> '' OR a.attidentity = 'a'
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE n.nspname = %s AND c.relname = ANY (%s) AND c.relkind <> 'i' ORDER BY c.relname, a.attnum
"""
_KEYS = """
SELECT c.relname, array_agg(a.attname::text) FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (k.conkey)
WHERE k.contype = 'p' AND NOT k.condeferrable AND n.nspname = %s AND c.relname = ANY (%s)
GROUP BY c.relname
"""
_INDEXES = """
SELECT array_agg(a.attname::text ORDER BY at.nth) FROM pg_index i
JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS at (attnum, nth)
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = at.attnum
WHERE n.nspname = %s AND c.relname = %s AND i.indpred IS NULL AND i.indexprs IS NULL
GROUP BY i.indexrelid
"""


class _Found(msgspec.Struct):
    """A column that is there."""

    type: str
    is_required: bool
    has_default: bool
    is_generated: bool


class Tables:
    """Those of a schema."""

    def __init__(self, schema: str, *, create: bool) -> None:
        self._schema = schema
        self._create = create

    def prepare(self, cursor: Cursor, tables: Sequence[Table]) -> None:
        """Makes what is missing, if it may, and checks the rest; nobody else does meanwhile.

        Raises `Misconfigured` with all that is wrong, and then has made nothing.
        """
        hold(cursor, self._schema)
        _check_encoding(cursor)
        names = [OFFSETS, *(table.name for table in tables)]
        found = self._columns(cursor, names)
        keyed = cursor.execute(_KEYS, (self._schema, names)).fetchall()
        keys: dict[str, list[str]] = dict(keyed)
        problems = [problem for table in tables for problem in _unkeyable(table)]
        for table in tables:
            if table.name in found:
                differences = list(_differing(table, found[table.name], keys.get(table.name, [])))
                problems += [self._told(table, differences)] if differences else []
        missing = [name for name in names if name not in found]
        if missing and not self._create:
            problems.append(
                f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing in the schema "
                f"{self._schema}, and create_tables is off: run what `projections ddl` prints"
            )
        if problems:
            raise Misconfigured("\n".join(problems))
        if self._create:
            self._make(cursor, tables, missing)

    def _columns(self, cursor: Cursor, names: Sequence[str]) -> dict[str, dict[str, _Found]]:
        found: dict[str, dict[str, _Found]] = {}
        for table, is_table, column, *more in cursor.execute(
            _COLUMNS, (self._schema, names)
        ).fetchall():
            columns = found.setdefault(table, {})
            if is_table and column is not None:  # what is a view has no columns to write
                columns[column] = _Found(*more)
        return found

    def _make(self, cursor: Cursor, tables: Sequence[Table], missing: Sequence[str]) -> None:
        statements: list[str] = []
        if OFFSETS in missing:
            statements.append(offsets_sql(self._schema))
        for table in tables:
            if table.name in missing:
                statements.append(table_sql(self._schema, table))
                there = []
            else:
                rows = cursor.execute(_INDEXES, (self._schema, table.name)).fetchall()
                there = [tuple(columns) for (columns,) in rows]
            statements += [
                index_sql(self._schema, table, columns).replace("IF NOT EXISTS ", "")
                for columns in dict.fromkeys(table.indexes)
                if columns not in there
            ]
        if statements and not self._is_there(cursor):
            statements.insert(0, schema_sql(self._schema))
        with unhurried(cursor):  # an index may take its time
            for statement in statements:
                cursor.execute(statement.encode())

    def _is_there(self, cursor: Cursor) -> bool:
        query = "SELECT 1 FROM pg_namespace WHERE nspname = %s"
        return cursor.execute(query, (self._schema,)).fetchone() is not None

    def _told(self, table: Table, differences: Sequence[str]) -> str:
        return (
            f"the table {self._schema}.{table.name} is not that of the projector: {'; '.join(differences)}. "
            "Name another table, or alter this one to what `projections ddl` prints; rows that events "
            "must fill anew need a rebuild, such as under a new version of the projection"
        )


def _differing(table: Table, found: dict[str, _Found], key: Sequence[str]) -> Iterator[str]:
    if not found:
        yield "it is no table that can be written to"
        return
    for column in table.columns:
        if (there := found.get(column.name)) is None:
            yield f"the column {column.name} ({type_of(column)}) is missing"
        else:
            yield from (f"the column {column.name} {why}" for why in _otherwise(column, there))
    for name, there in found.items():
        if name not in table.by_name and there.is_required and not there.has_default:
            yield f"the column {name} is nobody's, and takes no row without it: it needs a default, or NULL"
    if set(key) != set(table.key):
        told = f"is ({', '.join(key)})" if key else "is missing"
        yield f"the primary key {told}, and should be ({', '.join(table.key)})"


def _otherwise(column: Column, there: _Found) -> Iterator[str]:
    if there.type != type_of(column):
        yield f"is {there.type}, and should be {type_of(column)}"
    if there.is_required and column.nullable:
        yield "is NOT NULL, and should take NULL"
    elif not there.is_required and not column.nullable:
        yield "takes NULL, and should be NOT NULL"
    if there.is_generated:
        yield "is generated, and cannot be written"


def _unkeyable(table: Table) -> Iterator[str]:
    """JSON that is equal to PostgreSQL need not be the same text, by which we would know it."""
    for name in table.key:
        if table.by_name[name].kind is Kind.JSON:
            yield f"the column {name} of the table {table.name} is JSON, which cannot be part of a primary key"


def _check_encoding(cursor: Cursor) -> None:
    cursor.execute("SELECT current_setting('server_encoding'), current_setting('client_encoding')")
    found = cursor.fetchone()
    if found != ("UTF8", "UTF8"):
        raise Misconfigured(
            f"the database {cursor.connection.info.dbname} and our connection are encoded in {found}: a read "
            "model needs UTF8 in both"
        )
