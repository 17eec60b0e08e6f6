"""The columns that a table's rows were written with: a hash remembers them, for Redis has no tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from consumer.adapters.redis.connection import Client, reachable
from consumer.adapters.redis.read_model_keys import Keys
from consumer.adapters.redis.scripts import text
from consumer.errors import Misconfigured
from consumer.model.table import Column, Table

#: Columns of one table. A script unpacks a row at once, and Lua does so with some thousand words.
_MOST = 1600


class _Description(msgspec.Struct):
    columns: dict[str, str]
    key: list[str]


def described(table: Table) -> str:
    """The table in a field of the hash, as JSON. Indexes are left out: there are none."""
    columns = {column.name: _kind(column) for column in table.columns}
    return msgspec.json.encode(_Description(columns, list(table.key))).decode()


class TableColumns:
    """Remembers tables, and compares them."""

    def __init__(self, client: Client, keys: Keys) -> None:
        self._client = client
        self._keys = keys

    def check(self, tables: Sequence[Table]) -> None:
        """Remembers tables that are new. Raises `Misconfigured` with all columns in which others differ."""
        problems = [problem for table in tables for problem in self._problems(table)]
        if problems:
            raise Misconfigured("\n".join(problems))

    def _problems(self, table: Table) -> Iterator[str]:
        if len(table.columns) > _MOST:
            yield f"the table {table.name} has {len(table.columns)} columns, and in Redis at most {_MOST}"
            return
        with reachable(f"remember the columns of {table.name}"):
            self._client.hsetnx(self._keys.tables, table.name, described(table))
            found = self._client.hget(self._keys.tables, table.name)
        try:
            known = msgspec.json.decode(text(found or b""), type=_Description)
        except ValueError:
            yield (
                f"the columns of the table {table.name} are damaged in Redis, in the hash {self._keys.tables}: "
                f"delete the field {table.name}, if its rows have these columns: {', '.join(table.by_name)}"
            )
            return
        if differing := list(_differing(known, table)):
            yield (
                f"the rows of the table {table.name} in Redis have other columns than the projector's: "
                f"{'; '.join(differing)}. Reset the projection's offsets to make them anew, or give it another "
                "prefix"
            )


def _differing(known: _Description, table: Table) -> Iterator[str]:
    ours: Mapping[str, str] = {column.name: _kind(column) for column in table.columns}
    for name in sorted({*known.columns, *ours}):
        if name not in ours:
            yield f"{name} is {known.columns[name]} there, and the projector has none"
        elif name not in known.columns:
            yield f"{name} is {ours[name]} in the projector, and they have none"
        elif known.columns[name] != ours[name]:
            yield f"{name} is {known.columns[name]} there, and {ours[name]} in the projector"
    if known.key != list(table.key):
        yield f"the key is {', '.join(known.key)} there, and {', '.join(table.key)} in the projector"


def _kind(column: Column) -> str:
    """As in `text`, `integer[]` for an array, and `text or NULL`."""
    return f"{column.kind}{'[]' if column.array else ''}{' or NULL' if column.nullable else ''}"
