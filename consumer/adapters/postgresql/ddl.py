"""The SQL that makes what a read model keeps in PostgreSQL."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from psycopg import sql

from consumer.adapters.postgresql.columns import TYPES
from consumer.adapters.postgresql.seals import OFFSETS
from consumer.model.table import Column, Kind, Table

#: PostgreSQL cuts off what is longer, so two names may become one.
_LONGEST = 63

_OFFSETS = """CREATE TABLE IF NOT EXISTS {} (
    projection text COLLATE "C" NOT NULL,
    topic text COLLATE "C" NOT NULL,
    partition integer NOT NULL,
    epoch bigint NOT NULL,
    token text NOT NULL,
    log_id text NOT NULL,
    log_partitions integer NOT NULL,
    "offset" text,
    updated_at timestamp with time zone NOT NULL,
    PRIMARY KEY (projection, topic, partition)
)"""


def ddl(tables: Sequence[Table], *, schema: str) -> str:
    """All that a DBA runs where `create_tables` is off. It may be run again; what is there stays as it is."""
    name = sql.Identifier(schema).as_string(None)
    parts = [
        "-- What projections keep in this schema. It may be run again: what is there stays as it is.",
        f"{schema_sql(schema)};",
        "-- Up to which offset the rows hold, and who may write them; written in one transaction with the rows.",
        f"{offsets_sql(schema)};",
    ]
    for table in tables:
        parts += [f"-- {table.name}", f"{table_sql(schema, table)};"]
        parts += [f"{index_sql(schema, table, index)};" for index in table.indexes]
    parts += [
        "-- What the workers' role needs, and no more:",
        f"-- GRANT USAGE ON SCHEMA {name} TO workers;",
        f"-- GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {name} TO workers;",
    ]
    return "\n".join(parts) + "\n"


def schema_sql(schema: str) -> str:
    """Makes the schema."""
    return sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)).as_string(None)


def offsets_sql(schema: str) -> str:
    """Makes the table of the seals."""
    return sql.SQL(_OFFSETS).format(sql.Identifier(schema, OFFSETS)).as_string(None)


def table_sql(schema: str, table: Table) -> str:
    """Makes the table, without its further indexes."""
    indexed = {name for names in (table.key, *table.indexes) for name in names}
    lines = [_column(column, is_indexed=column.name in indexed) for column in table.columns]
    lines.append(sql.SQL("    PRIMARY KEY ({})").format(_listed(table.key)))
    return (
        sql.SQL("CREATE TABLE IF NOT EXISTS {} (\n{}\n)")
        .format(sql.Identifier(schema, table.name), sql.SQL(",\n").join(lines))
        .as_string(None)
    )


def index_sql(schema: str, table: Table, columns: Sequence[str]) -> str:
    """Makes an index, of the name that PostgreSQL would give it, as far as that is unique."""
    return (
        sql.SQL("CREATE INDEX IF NOT EXISTS {} ON {} ({})")
        .format(
            sql.Identifier(index_name(table, columns)),
            sql.Identifier(schema, table.name),
            _listed(columns),
        )
        .as_string(None)
    )


def index_name(table: Table, columns: Sequence[str]) -> str:
    """At most as long as PostgreSQL keeps."""
    name = f"{table.name}_{'_'.join(columns)}_idx"
    if len(name) <= _LONGEST:
        return name
    digest = hashlib.blake2b(name.encode(), digest_size=4).hexdigest()
    return f"{name[: _LONGEST - len(digest) - 1]}_{digest}"


def type_of(column: Column) -> str:
    """The column's type, as PostgreSQL prints it."""
    return TYPES[column.kind] + ("[]" if column.array else "")


def _column(column: Column, *, is_indexed: bool) -> sql.Composable:
    # By its bytes text is compared fastest, in the same way in all databases, and so that an index
    # serves LIKE 'prefix%'.
    by_bytes = is_indexed and column.kind is Kind.TEXT
    words = [type_of(column)]
    words += ['COLLATE "C"'] * by_bytes + ["NOT NULL"] * (not column.nullable)
    return sql.SQL("    {} " + " ".join(words)).format(sql.Identifier(column.name))


def _listed(names: Sequence[str]) -> sql.Composable:
    return sql.SQL(", ").join(map(sql.Identifier, names))
