"""The SQL with which the rows of a table are loaded, written and deleted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any

import msgspec
from psycopg import sql

from consumer.adapters.postgresql.columns import BoundColumn, bound_columns, by_column
from consumer.model.table import Key, Row, Table


class Statements:
    """One table's. Values go in as an array a column, many rows at once, in PostgreSQL's binary format:
    as fast as COPY by way of a temporary table, and nothing is left in the session.
    """

    def __init__(self, schema: str, table: Table) -> None:
        self.table = table
        self.columns = bound_columns(table)
        self.key_columns = tuple(self.columns[at] for at in table.key_at)
        #: The key of a row that is a tuple, as one.
        self.key_of = _key_of(table.key_at)
        self._order = itemgetter(*table.key_at)
        names = tuple(table.by_name)
        parts = {
            "table": sql.Identifier(schema, table.name),
            "columns": _listed(names),
            "key": _listed(table.key),
            "given": _arrays(self.columns),
            "values": sql.SQL(", ").join(
                sql.SQL("given.{}" + column.cast).format(sql.Identifier(name))
                for name, column in zip(names, self.columns, strict=True)
            ),
            "wanted": _arrays(self.key_columns),
            "same": sql.SQL(" AND ").join(
                sql.SQL("kept.{0} = wanted.{0}").format(sql.Identifier(name)) for name in table.key
            ),
            "kept": sql.SQL(", ").join(sql.SQL("kept.{}").format(sql.Identifier(n)) for n in names),
            "change": _change(table),
        }
        insert = (
            "INSERT INTO {table} ({columns}) SELECT {values} FROM {given} AS given ({columns}) "
            "ON CONFLICT ({key}) DO "
        )
        self.upsert = _rendered(insert + "{change}", parts)
        self.insert = _rendered(insert + "NOTHING", parts)
        # In the order in which the keys are given. Foreign keys to the rows may be checked meanwhile.
        self.load = _rendered(
            "SELECT {kept} FROM {wanted} WITH ORDINALITY AS wanted ({key}, nth) "
            "JOIN {table} AS kept ON {same} ORDER BY wanted.nth FOR NO KEY UPDATE OF kept",
            parts,
        )
        self.delete = _rendered(
            "DELETE FROM {table} AS kept USING {wanted} AS wanted ({key}) WHERE {same}", parts
        )
        # Not TRUNCATE: whoever reads goes on reading the old rows until the commit, no foreign key
        # forbids it, and it takes no further privilege.
        self.clear = _rendered("DELETE FROM {table}", parts)
        self.copy = _rendered("COPY {table} ({columns}) FROM STDIN (FORMAT BINARY)", parts)

    def in_order(self, rows: Iterable[Row]) -> list[Row]:
        """By their keys, in the order in which every writer locks them. `RowRefused` for keys that have none."""
        rows = list(rows)
        try:
            return sorted(rows, key=self._order)
        except (TypeError, ArithmeticError, IndexError):
            for column, values in zip(self.columns, by_column(self.table, rows), strict=True):
                column.check(values)
            raise

    def keys_in_order(self, keys: Iterable[Key]) -> list[Key]:
        """Each once; as `in_order`."""
        keys = list(keys)
        self.table.check_keys(keys)
        for column, values in zip(self.key_columns, zip(*keys, strict=True), strict=False):
            column.check(values)
        return sorted(set(keys))


def _rendered(text: str, parts: dict[str, sql.Composable]) -> bytes:
    return sql.SQL(text).format(**parts).as_bytes(None)


def _listed(names: Sequence[str]) -> sql.Composable:
    return sql.SQL(", ").join(map(sql.Identifier, names))


def _arrays(columns: Sequence[BoundColumn]) -> sql.Composable:
    types = ", ".join(f"%b::{column.passed_as}" for column in columns)
    return sql.SQL(f"unnest({types})")


def _change(table: Table) -> sql.Composable:
    others = [name for name in table.by_name if name not in table.key]
    if not others:
        return sql.SQL("NOTHING")
    assigned = (sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in others)
    return sql.SQL("UPDATE SET ") + sql.SQL(", ").join(assigned)


def _key_of(places: tuple[int, ...]) -> Any:
    if len(places) == 1:
        return itemgetter(slice(places[0], places[0] + 1))
    return itemgetter(*places)


class Written(msgspec.Struct, frozen=True):
    """The SQL of tables, made once for each."""

    schema: str
    known: dict[str, Statements]

    def of(self, table: Table) -> Statements:
        """The table's."""
        found = self.known.get(table.name)
        if found is None or (found.table is not table and found.table != table):
            found = self.known[table.name] = Statements(self.schema, table)
        return found
