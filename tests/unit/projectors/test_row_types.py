"""From a row type to its table, and of its rows to values and back; and what cannot be."""

from __future__ import annotations

import dataclasses
import enum
from dataclasses import InitVar, dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Literal, NewType
from uuid import UUID

import msgspec
import pytest

from consumer import ApplyFailed, Column, Event, Kind, Misconfigured
from consumer.adapters.memory.read_model import MemoryReadModel
from projectors import PRIMARY_KEY, TableProjector
from projectors.columns import Misfit
from projectors.row_types import RowType
from tests.unit.projectors.rooms import Recording, batch, event

if TYPE_CHECKING:
    from collections import OrderedDict

CustomerId = NewType("CustomerId", str)


class Status(enum.StrEnum):
    OPEN = "open"
    PAID = "paid"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Colour(enum.Enum):
    RED = "red"


class Mixed(enum.Enum):
    ONE = 1
    TWO = "two"


class Point(msgspec.Struct):
    x: int
    at: datetime | None = None


@dataclass
class Address:
    city: str


@dataclass(frozen=True)
class Everything:
    key: Annotated[CustomerId, "a comment", PRIMARY_KEY]
    text: str
    integer: int
    real: float
    boolean: bool
    decimal: Decimal
    moment: datetime
    day: date
    uuid: UUID
    blob: bytes
    status: Status
    level: Level
    colour: Colour
    word: Literal["a", "b"]
    number: Literal[1, 2]
    either: Literal["a"] | None
    maybe: Annotated[str, "another"] | None
    tags: list[str]
    levels: tuple[Level, ...]
    moments: list[datetime] | None
    pair: tuple[int, str]
    gaps: list[str | None]
    points: list[Point]
    address: Address
    counts: dict[str, int]
    anything: dict[str, Any] | None = None


NOON = datetime(2026, 11, 23, 12, tzinfo=timezone(timedelta(hours=1)))
FULL = Everything(
    CustomerId("ada"), "ä", -(2**63), 0.5, True, Decimal("1.20"), NOON, date(2026, 1, 2), UUID(int=7),
    b"\0", Status.PAID, Level.HIGH, Colour.RED, "a", 2, "a", "x", ["p", "q"], (Level.LOW, Level.HIGH),
    [NOON], (1, "b"), ["a", None], [Point(1, NOON)], Address("Paris"), {"a": 1}, {"z": [None, 1.5]},
)  # fmt: skip


def test_each_type_has_its_column() -> None:
    expected = [
        ("key", Kind.TEXT, False, False),
        ("text", Kind.TEXT, False, False),
        ("integer", Kind.INTEGER, False, False),
        ("real", Kind.FLOAT, False, False),
        ("boolean", Kind.BOOLEAN, False, False),
        ("decimal", Kind.DECIMAL, False, False),
        ("moment", Kind.TIMESTAMP, False, False),
        ("day", Kind.DATE, False, False),
        ("uuid", Kind.UUID, False, False),
        ("blob", Kind.BYTES, False, False),
        ("status", Kind.TEXT, False, False),
        ("level", Kind.INTEGER, False, False),
        ("colour", Kind.TEXT, False, False),
        ("word", Kind.TEXT, False, False),
        ("number", Kind.INTEGER, False, False),
        ("either", Kind.TEXT, True, False),
        ("maybe", Kind.TEXT, True, False),
        ("tags", Kind.TEXT, False, True),
        ("levels", Kind.INTEGER, False, True),
        ("moments", Kind.TIMESTAMP, True, True),
        ("pair", Kind.JSON, False, False),
        ("gaps", Kind.JSON, False, False),
        ("points", Kind.JSON, False, False),
        ("address", Kind.JSON, False, False),
        ("counts", Kind.JSON, False, False),
        ("anything", Kind.JSON, True, False),
    ]
    table = RowType(Everything, "everything").table
    assert table.columns == tuple(Column(*one) for one in expected)
    assert table.key == ("key",)


def test_a_row_goes_there_and_back() -> None:
    row_type = RowType(Everything, "everything")
    packed = row_type.pack(FULL)
    by_name = dict(zip(row_type.table.by_name, packed, strict=True))
    assert (by_name["status"], by_name["level"], by_name["colour"]) == ("paid", 2, "red")
    assert type(by_name["status"]) is str
    assert type(by_name["level"]) is int
    assert by_name["levels"] == [1, 2]
    assert by_name["pair"] == '[1,"b"]'
    assert by_name["counts"] == '{"a":1}'
    again = row_type.unpack(packed)
    assert again == FULL
    assert type(again.level) is Level
    assert type(again.points[0]) is Point


def test_none_stays_none() -> None:
    row_type = RowType(Everything, "everything")
    empty = dataclasses.replace(FULL, either=None, maybe=None, moments=None, anything=None)
    assert row_type.unpack(row_type.pack(empty)) == empty


class Struct(msgspec.Struct, frozen=True, kw_only=True):
    key: Annotated[Status, PRIMARY_KEY]
    orders: int = 0


@dataclass(kw_only=True, slots=True)
class ByName:
    orders: int
    key: Annotated[UUID, PRIMARY_KEY]


@dataclass
class SomeByName:
    key: Annotated[str, PRIMARY_KEY]
    orders: int = field(kw_only=True)
    name: str = ""


@dataclass
class One:
    key: Annotated[str, PRIMARY_KEY]


@pytest.mark.parametrize(
    ("row", "key", "packed_key", "is_frozen"),
    [
        (Struct(key=Status.OPEN, orders=1), Status.OPEN, ("open",), True),
        (ByName(orders=1, key=UUID(int=1)), UUID(int=1), (UUID(int=1),), False),
        (SomeByName("a", name="b", orders=2), "a", ("a",), False),
        (One("a"), "a", ("a",), False),
    ],
)
def test_every_way_to_write_a_row_type_goes_there_and_back(
    row: Any, key: object, packed_key: object, is_frozen: bool
) -> None:
    row_type = RowType(type(row), "rows")
    packed = row_type.pack(row)
    assert isinstance(packed, tuple)
    assert row_type.unpack(packed) == row
    assert row_type.unpack(packed) is not row_type.unpack(packed)
    assert row_type.key_of(row) == key
    assert row_type.packed_key(key) == packed_key == row_type.table.key_of(packed)
    assert row_type.is_frozen is is_frozen


@dataclass(frozen=True)
class Named:
    key: Annotated[str, PRIMARY_KEY]
    names: tuple[str, ...]
    tags: list[str]


def test_arrays_come_back_as_the_field_says_and_are_nobody_elses() -> None:
    row_type, tags = RowType(Named, "named"), ["x"]
    packed = row_type.pack(Named("a", ("n",), tags))
    assert packed == ("a", ["n"], ["x"])
    assert packed[2] is not tags
    again = row_type.unpack(packed)
    assert again == Named("a", ("n",), ["x"])
    assert again.tags is not packed[2]


@dataclass
class Painted:
    colour: Annotated[Colour, PRIMARY_KEY]


@dataclass
class Pair:
    left: Annotated[str, PRIMARY_KEY]
    right: Annotated[str, PRIMARY_KEY]


def test_a_key_that_is_an_enum_is_its_value() -> None:
    assert RowType(Painted, "painted").packed_key(Colour.RED) == ("red",)


@pytest.mark.parametrize("key", ["ab", None, ["a", "b"], ("a",), ("a", 1), ("a", "b", "c")])
def test_a_key_of_two_parts_is_a_tuple_of_two(key: object) -> None:
    with pytest.raises(Misfit, match=r"and not a tuple \(str, str\), as the primary key of pair"):
        RowType(Pair, "pair").packed_key(key)


def test_json_in_other_words_is_the_same_row() -> None:
    row_type = RowType(Everything, "everything")
    packed = row_type.pack(FULL)
    spaced = tuple(
        value.replace('{"a":1}', '{ "a": 1 }') if isinstance(value, str) else value
        for value in packed
    )
    assert spaced != packed
    assert row_type.is_same(packed, spaced)
    assert not row_type.is_same(packed, row_type.pack(dataclasses.replace(FULL, counts={"a": 2})))


# What cannot be.


def refused(row_type: Any, **more: Any) -> str:
    with pytest.raises(Misconfigured) as raised:
        TableProjector(row_type, **more)
    return str(raised.value)


@dataclass
class Wrong:
    key: Annotated[str | None, PRIMARY_KEY]
    tags: Annotated[list[str], PRIMARY_KEY]
    deep: Annotated[dict[str, int], PRIMARY_KEY]
    clock: time
    anything: Any
    either: int | str
    some: set[str]
    mixed: Mixed
    words: Literal["a", 1]
    truth: Literal[True]
    bad: dict[str, complex]
    customerId: str  # noqa: N815 - what is wrong with it
    fine: int


def test_all_that_is_wrong_with_a_row_type_is_told_at_once() -> None:
    told = refused(Wrong, indexes=[("fine", "other"), "fine"])
    assert told.startswith(
        "tests.unit.projectors.test_row_types.Wrong cannot be the rows of a table: "
    )
    for problem in (
        "key is part of the primary key",
        "tags is part of the primary key",
        "deep is part of the primary key",
        "clock is time, which no column holds",
        "anything is Any, which no column holds",
        "either is one of 2 types",
        "some is set[str], which no column holds",
        "mixed cannot be a column: the values of Mixed must be",
        "words cannot be a column",
        "truth cannot be a column",
        "bad is dict[str, complex], which cannot be kept as JSON: JSON knows no complex",
    ):
        assert f"{problem}" in told
    assert told.count("A column holds str, ") == 1
    assert "the column 'customerId' of the table wrong cannot be called so" in told
    assert "the index ('fine', 'other') names 'other', which is no field" in told
    assert "the index 'fine' is no tuple of fields" in told
    assert "fine is" not in told


@dataclass
class Keyless:
    name: Annotated[str, "a comment"]


def test_a_row_type_needs_a_key() -> None:
    assert "no field is the primary key: mark one" in refused(Keyless)


class Tree(msgspec.Struct):
    children: list[Tree]


@dataclass
class Rooted:
    key: Annotated[str, PRIMARY_KEY]
    tree: Tree


def test_a_type_that_holds_itself_is_kept_as_json() -> None:
    row_type = RowType(Rooted, "rooted")
    row = Rooted("a", Tree([Tree([])]))
    assert row_type.pack(row) == ("a", '{"children":[{"children":[]}]}')
    assert row_type.unpack(row_type.pack(row)) == row


@dataclass
class Calculated:
    key: Annotated[str, PRIMARY_KEY]
    start: InitVar[int]
    total: int = field(init=False, default=0)


def test_a_row_is_made_of_its_fields_alone() -> None:
    told = refused(Calculated)
    assert "total is no parameter of its __init__" in told
    assert "its __init__ takes start, which is no field" in told


@dataclass
class Unresolved:
    key: Annotated[str, PRIMARY_KEY]
    more: OrderedDict[str, str]


def test_a_type_that_is_not_there_at_run_time_is_told() -> None:
    assert "no import under TYPE_CHECKING" in refused(Unresolved)


@pytest.mark.parametrize("row_type", [dict, object, int, "Customer", Status, One("a")])
def test_what_is_no_row_type_is_told(row_type: Any) -> None:
    assert "is no row type" in refused(row_type)


@pytest.mark.parametrize("table", ["Orders", "projection_orders", "a" * 64, "or ders", 'a"b'])
def test_a_table_that_cannot_be_called_so_is_told_once(table: str) -> None:
    assert refused(One, table=table).count("cannot be called so") == 1


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"moment": datetime(2026, 1, 1)}, "moment holds a datetime without its zone"),  # noqa: DTZ001
        ({"status": "open"}, r"status holds what its type does not \(AttributeError\)"),
        ({"text": None}, "text is None"),
        ({"counts": {"a": object()}}, r"counts holds what its type does not \(TypeError\)"),
    ],
)
def test_a_value_that_its_column_cannot_hold_is_told_by_the_columns_name(
    changes: dict[str, Any], told: str
) -> None:
    with pytest.raises(Misfit, match=told):
        RowType(Everything, "everything").pack(dataclasses.replace(FULL, **changes))


def test_a_stored_row_that_the_type_does_not_take_any_more_is_told() -> None:
    projector = TableProjector(Struct, table="rows")

    @projector.on("seen", key=lambda event: Status.OPEN)
    def seen(row: Struct | None, event: Event) -> Struct | None:
        return row

    transaction = Recording()
    transaction.load = lambda table, keys: {("open",): ("shipped", 1)}  # type: ignore[method-assign]
    with pytest.raises(ApplyFailed, match="a row of rows cannot be read: its key holds") as raised:
        projector.project(batch(event("seen")), transaction)
    assert "shipped" not in str(raised.value)


def test_two_projectors_of_one_table_must_agree() -> None:
    read_model = MemoryReadModel()
    first, second = TableProjector(One), TableProjector(SomeByName, table="one")
    read_model.prepare(first.tables, first.prepare)
    with pytest.raises(Misconfigured, match="the columns name, orders"):
        read_model.prepare(second.tables, second.prepare)


def test_the_mark_reads_as_it_is_written() -> None:
    assert repr(PRIMARY_KEY) == "PRIMARY_KEY"
