"""The type of a read model's rows: the table that it makes, and the way of its rows there and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any, Generic, TypeVar

from consumer import Key, Kind, Row, Table
from projectors.columns import Misfit, Way
from projectors.row_fields import fields_of, is_frozen, positional

R = TypeVar("R")
Ways = Sequence[tuple[int, Way]]


class RowType(Generic[R]):
    """A dataclass or `msgspec.Struct` as the rows of a table. Raises `Misconfigured` with all that is wrong with it."""

    def __init__(self, type_: type[R], table: str, indexes: Sequence[Sequence[str]] = ()) -> None:
        fields = fields_of(type_, table, indexes)
        keys = [field for field in fields if field.is_key]
        self.type = type_
        self.table = Table(
            table,
            tuple(field.column for field in fields),
            tuple(field.column.name for field in keys),
            tuple(tuple(index) for index in indexes),
        )
        #: What the parts of the primary key are, in Python.
        self.key_types = tuple(field.values.type for field in keys)
        #: A row's primary key as functions tell it: the value itself where it has one part, else a tuple.
        self.key_of = attrgetter(*self.table.key)
        #: Whether a row stays as it is once made.
        self.is_frozen = is_frozen(type_)
        self._has_json = any(field.column.kind is Kind.JSON for field in fields)
        self._names = list(self.table.by_name)
        self._positional = positional(type_, self._names)
        self._values = attrgetter(*self._names)
        self._encodes = _ways(field.values.encode for field in fields)
        self._decodes = _ways(field.values.decode for field in fields)
        self._key_encodes = _ways(field.values.encode for field in keys)
        self._only = self.key_types[0] if len(keys) == 1 and not self._key_encodes else None

    def pack(self, row: R) -> Row:
        """The values of the table's columns, none of which the row still holds. Raises `Misfit`."""
        values: Row = self._values(row) if len(self._names) > 1 else (self._values(row),)
        if None in values:
            self._refuse_none(values)
        return self._through(self._encodes, values) if self._encodes else values

    def unpack(self, values: Row) -> R:
        """The row that was packed so, made anew by each call. Raises `Misfit`."""
        if self._decodes:
            values = self._through(self._decodes, values)
        at = self._positional
        if at == len(values):
            return self.type(*values)
        return self.type(*values[:at], **dict(zip(self._names[at:], values[at:], strict=True)))

    def is_same(self, packed: Row, stored: Row) -> bool:
        """Whether the stored row says the same; JSON may come back in other words than it was written."""
        return packed == stored or (self._has_json and packed == self.pack(self.unpack(stored)))

    def packed_key(self, key: Any) -> Key:
        """The primary key as the table has it. Raises `Misfit` for what is none."""
        if type(key) is self._only:  # most keys
            return (key,)
        types = self.key_types
        parts: Key = (key,) if len(types) == 1 else key
        if type(parts) is not tuple or tuple([type(part) for part in parts]) != types:
            raise Misfit(f"is {_shape(key)}, and not {self.key_shape}")
        return self._through(self._key_encodes, parts) if self._key_encodes else parts

    @property
    def key_shape(self) -> str:
        """What a primary key is, in words."""
        names = [type_.__name__ for type_ in self.key_types]
        shape = names[0] if len(names) == 1 else f"a tuple ({', '.join(names)})"
        return f"{shape}, as the primary key of {self.table.name} ({', '.join(self.table.key)})"

    def _through(self, ways: Ways, values: Row) -> Row:
        cells = list(values)
        for at, way in ways:
            if cells[at] is not None:
                try:
                    cells[at] = way(cells[at])
                except Exception as cause:  # whatever the types' own code raises
                    why = str(cause) if isinstance(cause, Misfit) else _unlike(cause)
                    raise Misfit(f"{self._names[at]} {why}") from cause
        return tuple(cells)

    def _refuse_none(self, values: Row) -> None:
        for value, column in zip(values, self.table.columns, strict=True):
            if value is None and not column.nullable:
                raise Misfit(f"{column.name} is None: its type has no `| None`")


def _ways(ways: Iterable[Way | None]) -> Ways:
    return [(at, way) for at, way in enumerate(ways) if way is not None]


def _shape(key: object) -> str:
    if isinstance(key, tuple):
        return f"a tuple ({', '.join(type(part).__name__ for part in key)})"
    return "None" if key is None else f"of type {type(key).__name__}"


def _unlike(cause: Exception) -> str:
    return f"holds what its type does not ({type(cause).__name__})"
