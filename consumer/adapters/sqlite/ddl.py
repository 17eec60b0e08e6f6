"""The tables of a read model in SQLite's words: how they are made, and in what one that is there differs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

from consumer.adapters.sqlite import seal_records
from consumer.adapters.sqlite.columns import type_of
from consumer.errors import Misconfigured
from consumer.model.table import Column, Kind, Table

#: SQLite 3.37 and newer hold every value to its column's type, whoever writes it.
_STRICT = ["STRICT"] if sqlite3.sqlite_version_info >= (3, 37) else []

#: What makes rows long. Where rows are stored by their key, long ones cost more than the second tree saves.
_LONG = {Kind.JSON, Kind.BYTES}


def ddl(tables: Sequence[Table]) -> str:
    """The SQL that makes the tables, and our own beside them, for whoever makes tables by hand."""
    statements = [seal_records.TABLE.strip()]
    for table in tables:
        statements += _statements(table)
    return "".join(f"{statement};\n\n" for statement in statements)


def make(connection: sqlite3.Connection, tables: Sequence[Table]) -> None:
    """Makes those that are missing, and indexes that are missing too."""
    for table in tables:
        for statement in _statements(table):
            connection.execute(statement)


def check(connection: sqlite3.Connection, tables: Sequence[Table]) -> None:
    """Raises `Misconfigured` with all columns in which a table differs, or with the tables that are missing."""
    names = [seal_records.NAME, *(table.name for table in tables)]
    missing = [name for name in names if not _columns_of(connection, name)]
    if missing:
        raise Misconfigured(
            f"the SQLite file has no table {', '.join(missing)}: make what is missing of what "
            "`projections ddl` prints, or turn create_tables on"
        )
    for table in tables:
        differences = list(_differences(table, _columns_of(connection, table.name)))
        if differences:
            raise Misconfigured(
                f"the table {table.name} of the SQLite file differs from the projector's: "
                f"{'; '.join(differences)}. Change the table (`projections ddl` prints it as it should "
                "be), or drop it and reset the projection's offsets to rebuild it"
            )


def quoted(name: str) -> str:
    """The identifier as SQLite takes any."""
    return '"' + name.replace('"', '""') + '"'


def listed(names: Sequence[str]) -> str:
    """Identifiers with commas between them."""
    return ", ".join(map(quoted, names))


def _statements(table: Table) -> Iterator[str]:
    columns = [f"    {quoted(column.name)} {_declared(column)},\n" for column in table.columns]
    options = ", ".join(_STRICT + ([] if _has_rowid(table) else ["WITHOUT ROWID"]))
    yield (
        f"CREATE TABLE IF NOT EXISTS {quoted(table.name)} (\n"
        f"{''.join(columns)}    PRIMARY KEY ({listed(table.key)})\n) {options}".rstrip()
    )
    for columns_of_index in table.indexes:
        name = quoted("__".join([table.name, *columns_of_index]))
        yield f"CREATE INDEX IF NOT EXISTS {name} ON {quoted(table.name)} ({listed(columns_of_index)})"


def _has_rowid(table: Table) -> bool:
    """Rows are stored by their key, in one tree; an integer that is the key alone is the rowid itself."""
    is_rowid = len(table.key) == 1 and type_of(table.by_name[table.key[0]]) == "INTEGER"
    return is_rowid or any(column.array or column.kind in _LONG for column in table.columns)


def _declared(column: Column) -> str:
    return type_of(column) + ("" if column.nullable else " NOT NULL")


def _columns_of(connection: sqlite3.Connection, name: str) -> list[tuple[str, str, int, int]]:
    """Of each column its name, its type, whether it refuses NULL, and its place in the key, from 1."""
    return connection.execute(
        'SELECT name, upper(type), "notnull", pk FROM pragma_table_info(?)', (name,)
    ).fetchall()


def _differences(table: Table, found: Sequence[tuple[str, str, int, int]]) -> Iterator[str]:
    there = {name: (declared, bool(refuses)) for name, declared, refuses, _ in found}
    for column in table.columns:
        if column.name not in there:
            yield f"{column.name} is missing"
            continue
        declared, refuses_null = there.pop(column.name)
        # A key's columns refuse NULL, or are never given it.
        refuses_null = refuses_null or column.name in table.key
        is_there = declared + (" NOT NULL" if refuses_null else "")
        if is_there != _declared(column):
            yield f"{column.name} is {is_there}, and should be {_declared(column)}"
    for name in there:
        yield f"{name} is no column of the projector's"
    key = [name for place, name in sorted((place, name) for name, *_, place in found if place)]
    if key != list(table.key):
        yield f"the primary key is ({', '.join(key)}), and should be ({', '.join(table.key)})"
