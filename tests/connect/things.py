"""A table of what PostgreSQL's types hold at their limits, and what projections keep of it."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

import msgspec

from consumer import Batch, Event, Transaction
from projectors import PRIMARY_KEY, Change, TableProjector

NAME = os.environ.get("THINGS", "things")
TABLE = f"public.{NAME}"

COLUMNS = """
    id bigint PRIMARY KEY, price numeric(38, 10), anyscale numeric, born date, seen timestamp, at timestamptz,
    uid uuid, doc jsonb, tags text[], numbers bigint[], mood mood, raw bytea, ratio double precision, yes boolean,
    notes text
"""
#: What is compared of the table, and of its copy. (Debezium keeps no zeros at the end of a plain `numeric`.)
COMPARED = "id, price, trim_scale(anyscale), born, {}, at, uid, doc::text, tags, numbers, mood::text, raw, ratio, yes, notes"
THERE, COPIED = COMPARED.format("seen AT TIME ZONE 'UTC'"), COMPARED.format("seen")
#: Rows at the limits of PostgreSQL's types, as far as Python has them.
HIGH = """1, 9999999999999999999999999999.9999999999, 1e-1000, '0001-01-01', '9999-12-31 23:59:59.999999',
    '9999-12-31 23:59:59.999999Z', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '{"n": 1e400, "t": "é"}',
    '{"","a,b","\\""}', '{9223372036854775807,-9223372036854775808}', 'happy', '\\x00ff', 'NaN', true, ''"""
LOW = """-9223372036854775808, -9999999999999999999999999999.9999999999, 1e100, '9999-12-31', '0001-01-01',
    '0001-01-01Z', '00000000-0000-0000-0000-000000000000', 'null', '{}', '{}', 'sad', '', '-Infinity', false,
    'ü€😀'"""
NEAR_1970 = """9223372036854775807, 0.0000000001, -12345.678900, '1969-12-31', '1969-12-31 23:59:59.999999',
    '1969-12-31 23:59:59.999999Z', gen_random_uuid(), '[]', '{x}', '{0}', 'sad', '\\xff', 5e-324, NULL,
    repeat('x', 90000)"""
EMPTY = f"4{', NULL' * 14}"


class Row(msgspec.Struct, frozen=True):
    """A row as Debezium tells it."""

    id: int
    price: Decimal | None
    anyscale: Decimal | None
    born: date | None
    seen: datetime | None
    at: datetime | None
    uid: UUID | None
    doc: str | None
    tags: list[str] | None
    numbers: list[int] | None
    mood: str | None
    raw: bytes | None
    ratio: float | None
    yes: bool | None
    notes: str | None


class PlainRow(Row, frozen=True):
    """The same without a schema: a date is text, and so is what is no number."""

    born: str | None  # type: ignore[assignment]  # it is not what its base says
    ratio: float | str | None  # type: ignore[assignment]


@dataclass(frozen=True)
class Thing:
    """A row of the copy."""

    id: Annotated[int, PRIMARY_KEY]
    price: Decimal | None
    anyscale: Decimal | None
    born: date | None
    seen: datetime | None
    at: datetime | None
    uid: UUID | None
    doc: str | None
    tags: list[str] | None
    numbers: list[int] | None
    mood: str | None
    raw: bytes | None
    ratio: float | None
    yes: bool | None
    notes: str | None


class Copies(TableProjector[Thing]):
    """Clears the copy too, where the table was truncated: the topic has one partition."""

    @property
    def handles(self) -> set[str]:
        """The table's changes, and its truncates."""
        return {*super().handles, f"{TABLE}.truncated"}

    def project(self, batch: Batch, transaction: Transaction) -> None:
        """From the last truncate on."""
        at = max((n for n, event in enumerate(batch) if event.type != TABLE), default=-1)
        if at >= 0:
            self.clear(transaction)
        super().project(msgspec.structs.replace(batch, events=batch.events[at + 1 :]), transaction)


copies = Copies(Thing, name="copies", table=f"copy_of_{NAME}")


if NAME.endswith("plain"):

    @copies.on(Change[PlainRow], type=TABLE, key=lambda change: change.row.id)
    def told(event: Event[Change[PlainRow]]) -> Thing | None:
        after = event.data.after
        if after is None:
            return None
        values = msgspec.structs.asdict(after)
        if after.born is not None:
            values["born"] = date.fromisoformat(after.born.removesuffix("Z"))
        if after.ratio is not None:
            values["ratio"] = float(after.ratio)
        return Thing(**values)
else:

    @copies.on(Change[Row], type=TABLE, key=lambda change: change.row.id)
    def changed(event: Event[Change[Row]]) -> Thing | None:
        after = event.data.after
        return None if after is None else Thing(**msgspec.structs.asdict(after))


class Keyed(msgspec.Struct, frozen=True):
    """What a count needs of a row."""

    id: int


@dataclass(frozen=True)
class Count:
    """How often a row was changed."""

    id: Annotated[int, PRIMARY_KEY]
    changes: int = 0


counts = TableProjector(Count, name="counts", table=f"count_of_{NAME}")


@counts.on(Change[Keyed], type=TABLE, key=lambda change: change.row.id)
def counted(row: Count | None, event: Event[Change[Keyed]]) -> Count:
    row = row or Count(event.data.row.id)
    return replace(row, changes=row.changes + 1)
