"""The tables of a read model, as every store makes them in its own words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from functools import cached_property
from typing import Any

import msgspec

from consumer.errors import Misconfigured, RowRefused

#: The values of a row, in the order of the table's columns.
Row = tuple[Any, ...]
#: The values of a row's primary key, in the order of `Table.key`.
Key = tuple[Any, ...]

#: What an identifier may be: what needs no quotes in any store, whatever it is (they are quoted all the same).
#: PostgreSQL cuts off what is longer than 63 bytes.
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
#: The engine's own tables are called so.
RESERVED = "projection_"


class Kind(StrEnum):
    """What a column holds, and the Python type of its values."""

    #: `str`, without U+0000 and lone surrogates: no store takes them all.
    TEXT = "text"
    #: `int`, of 64 bits.
    INTEGER = "integer"
    #: `float`
    FLOAT = "float"
    #: `bool`
    BOOLEAN = "boolean"
    #: `decimal.Decimal`, of any precision.
    DECIMAL = "decimal"
    #: `datetime.datetime` with its zone; stores keep the instant, in microseconds, and give it back in UTC.
    TIMESTAMP = "timestamp"
    #: `datetime.date`
    DATE = "date"
    #: `uuid.UUID`
    UUID = "uuid"
    #: `bytes`
    BYTES = "bytes"
    #: JSON text, a `str`.
    JSON = "json"


class Column(msgspec.Struct, frozen=True):
    """A column of a table."""

    name: str
    kind: Kind
    #: Whether None, SQL's NULL, is a value.
    nullable: bool = False
    #: Whether the values are lists of the kind.
    array: bool = False


class Table(msgspec.Struct, frozen=True, dict=True):
    """A table with a primary key. Raises `Misconfigured` for names that cannot be, and keys that are no columns."""

    name: str
    columns: tuple[Column, ...]
    #: The names of the columns that make up the primary key.
    key: tuple[str, ...]
    #: Further indexes, each by the names of its columns.
    indexes: tuple[tuple[str, ...], ...] = ()
    #: Whether it is the engine's own: those, and no others, are called `projection_*`.
    is_own: bool = False

    def __post_init__(self) -> None:
        _validated(f"the table {self.name!r}", self.name)
        if self.name.startswith(RESERVED) is not self.is_own:
            raise Misconfigured(
                f"the table {self.name!r} cannot be called so: {RESERVED}* are our own"
            )
        names = [column.name for column in self.columns]
        for name in names:
            _validated(f"the column {name!r} of the table {self.name}", name)
            if names.count(name) > 1:
                raise Misconfigured(f"the table {self.name} has two columns {name}")
        if not self.key:
            raise Misconfigured(f"the table {self.name} has no primary key")
        for part in (self.key, *self.indexes):
            for name in part:
                if name not in names:
                    raise Misconfigured(
                        f"{name!r} is no column of the table {self.name}: it has {', '.join(names)}"
                    )
        for column in self.columns:
            if column.name in self.key and (column.nullable or column.array):
                raise Misconfigured(
                    f"the column {column.name} of the table {self.name} is part of its primary key, so it "
                    "can be neither NULL nor an array"
                )

    @cached_property
    def by_name(self) -> Mapping[str, Column]:
        """The columns by their names."""
        return {column.name: column for column in self.columns}

    @cached_property
    def key_at(self) -> tuple[int, ...]:
        """Where the parts of the primary key stand in a row."""
        names = [column.name for column in self.columns]
        return tuple(names.index(name) for name in self.key)

    def key_of(self, row: Sequence[Any]) -> Key:
        """The primary key of a row."""
        return tuple([row[at] for at in self.key_at])

    def check_rows(self, rows: Iterable[Row]) -> None:
        """Raises `RowRefused` where one has not as many values as the table has columns."""
        self._check_lengths("row", rows, len(self.columns))

    def check_keys(self, keys: Iterable[Key]) -> None:
        """Raises `RowRefused` where one has not as many values as the primary key."""
        self._check_lengths("key", keys, len(self.key))

    def _check_lengths(self, what: str, given: Iterable[Row | Key], length: int) -> None:
        if others := set(map(len, given)) - {length}:
            raise RowRefused(
                f"a {what} of the table {self.name} has {length} values, not {others.pop()}"
            )


def _validated(what: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise Misconfigured(
            f"{what} cannot be called so: use 1 to 63 lower-case letters, digits and underscores, and no "
            "digit first"
        )
