"""How rows stand in Redis: the text of values and keys, and what is refused, without a server."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import pytest

from consumer.adapters.redis.packing import binary, packed, unpacked, word
from consumer.adapters.redis.read_model_keys import Keys
from consumer.adapters.redis.rows import DamagedRow, shape
from consumer.errors import RowRefused
from consumer.model.table import Column, Kind, Table


class Colour(str, Enum):  # noqa: UP042 - as older code has them, whose str() is not the value
    RED = "red"


def table_of(kind: Kind, *, array: bool = False) -> Table:
    column = Column("value", kind, nullable=True, array=array)
    return Table("things", (Column("id", Kind.TEXT), column), key=("id",))


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (Kind.TEXT, "é漢", "é漢"),
        (Kind.TEXT, Colour.RED, "red"),
        (Kind.INTEGER, -5, "-5"),
        (Kind.FLOAT, 0.1, "0.1"),
        (Kind.FLOAT, 3, "3.0"),
        (Kind.FLOAT, float("-inf"), "-inf"),
        (Kind.BOOLEAN, True, "1"),
        (Kind.BOOLEAN, False, "0"),
        (Kind.DECIMAL, Decimal("1.10"), "1.10"),
        (Kind.TIMESTAMP, datetime(2026, 11, 23, 21, 36, tzinfo=UTC), "2026-11-23T21:36:00.000000Z"),
        (Kind.TIMESTAMP, datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00.000000Z"),
        (Kind.DATE, date(2026, 11, 23), "2026-11-23"),
        (Kind.UUID, UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Kind.JSON, '{"a": 1}', '{"a": 1}'),
    ],
)
def test_values_are_text_that_people_can_read(kind: Kind, value: Any, text: str) -> None:
    assert shape(table_of(kind)).words(("x", value)) == ["id", "x", "value", text]


@pytest.mark.parametrize(
    ("kind", "values", "text"),
    [
        (Kind.TEXT, ['a"', "é"], '["a\\"", "é"]'),
        (Kind.INTEGER, [1, 2**63 - 1], "[1, 9223372036854775807]"),
        (Kind.FLOAT, [0.1, float("inf")], '[0.1, "inf"]'),
        (Kind.BOOLEAN, [True, False], "[true, false]"),
        (Kind.DECIMAL, [Decimal("1.10")], '["1.10"]'),
        (Kind.BYTES, [b"\xff"], '["/w=="]'),
        (Kind.DATE, [date(2026, 11, 23)], '["2026-11-23"]'),
        (Kind.JSON, ["[1]"], '["[1]"]'),
    ],
)
def test_arrays_are_json(kind: Kind, values: list[Any], text: str) -> None:
    form = shape(table_of(kind, array=True))
    assert form.words(("x", values))[3] == text
    assert form.row([b"x", text.encode()]) == ("x", values)


def test_null_is_a_field_that_is_not_there_and_a_row_without_a_field_is_none() -> None:
    form = shape(table_of(Kind.TEXT))
    assert form.words(("", None)) == ["id", ""]
    assert form.row([b"", None]) == ("", None)
    assert form.row([None, None]) is None


@pytest.mark.parametrize("value", [b"", b"\xff\x00", b"text", b"x" * 70_000])
def test_bytes_are_given_to_lua_as_it_reads_them(value: bytes) -> None:
    form = shape(table_of(Kind.BYTES))
    words = form.words(("x", value))
    assert packed(words[3:]) == b"\x91\xdb" + len(value).to_bytes(4, "big") + value
    assert form.row(form.fields(words)) == ("x", value)
    assert unpacked(word(value)) == unpacked(binary(value)) == value


@pytest.mark.parametrize(
    ("columns", "key", "text"),
    [
        ([Kind.TEXT], ("a:b%",), "a:b%"),
        ([Kind.TEXT, Kind.INTEGER], ("a:b%", 7), "a%3Ab%25:7"),
        ([Kind.BYTES], (b"\xff\x00",), "ff00"),
        ([Kind.DECIMAL], (Decimal("100.0"),), "1E+2"),
        ([Kind.DECIMAL], (Decimal("-0.10"),), "-0.1"),
        ([Kind.DECIMAL], (Decimal("1234567890123456789012345678901234567890.10"),), "1234567890123456789012345678901234567890.1"),
        ([Kind.DECIMAL], (Decimal("-0E+9"),), "0"),
        ([Kind.DECIMAL], (Decimal("Infinity"),), "Infinity"),
        ([Kind.FLOAT], (-0.0,), "0.0"),
        ([Kind.BOOLEAN, Kind.DATE], (True, date(2026, 1, 2)), "1:2026-01-02"),
    ],
)  # fmt: skip
def test_a_key_ends_in_text_that_people_can_read(
    columns: list[Kind], key: tuple[Any, ...], text: str
) -> None:
    named = tuple(Column(f"c{at}", kind) for at, kind in enumerate(columns))
    table = Table("things", named, tuple(column.name for column in named))
    assert shape(table).key_text(key) == text


@pytest.mark.parametrize("key", [("a",), ("a", 1, 2), ("a", "1"), ("\ud800", 1), (None, 1)])
def test_a_key_of_other_kinds_is_refused_without_quoting_it(key: tuple[Any, ...]) -> None:
    table = Table("things", (Column("a", Kind.TEXT), Column("b", Kind.INTEGER)), ("a", "b"))
    with pytest.raises(RowRefused, match="a, b are text, integer"):
        shape(table).key_text(key)


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        (Kind.TEXT, None, "was given NULL"),
        (Kind.TEXT, 5, "was given int"),
        (Kind.TEXT, "secret\0", "U.0000"),
        (Kind.TEXT, "secret\ud800", "was given str$"),
        (Kind.INTEGER, 2**63, "64 bits"),
        (Kind.FLOAT, 2**5000, "was given int$"),
        (Kind.TIMESTAMP, datetime(2026, 1, 1), "zone"),  # noqa: DTZ001 - it is what is refused
        (Kind.TIMESTAMP, date(2026, 1, 1), "was given date"),
        (Kind.DATE, datetime(2026, 1, 1, tzinfo=UTC), "was given datetime"),
        (Kind.BYTES, "secret", "was given str"),
        (Kind.UUID, "secret", "was given str"),
        (Kind.BOOLEAN, 1, "was given int"),
    ],
)
def test_what_does_not_fit_is_told_with_its_column_and_not_quoted(
    kind: Kind, value: Any, said: str
) -> None:
    table = Table("things", (Column("id", Kind.TEXT), Column("value", kind)), ("id",))
    with pytest.raises(
        RowRefused, match=rf"table things .*column value is {kind}.*{said}"
    ) as refusal:
        shape(table).words(("x", value))
    assert "secret" not in str(refusal.value)


def test_a_row_of_another_length_is_refused() -> None:
    with pytest.raises(RowRefused, match="2 values, not 1"):
        shape(table_of(Kind.TEXT)).words(("x",))


@pytest.mark.parametrize(
    ("kind", "array", "field"),
    [
        (Kind.TEXT, False, b"\xff"),
        (Kind.INTEGER, False, b"x"),
        (Kind.BOOLEAN, False, b"2"),
        (Kind.DECIMAL, False, b"x"),
        (Kind.TIMESTAMP, False, b"2026-11-23T21:36:00"),
        (Kind.UUID, False, b"x"),
        (Kind.DATE, False, b"x"),
        (Kind.TEXT, True, b"{}"),
        (Kind.TEXT, True, b"[1]"),
        (Kind.TEXT, True, b"["),
        (Kind.BYTES, True, b'["?"]'),
        (Kind.BOOLEAN, True, b"[1]"),
        (Kind.INTEGER, True, b'["1"]'),
    ],
)
def test_what_nobody_can_have_written_is_told(kind: Kind, array: bool, field: bytes) -> None:
    with pytest.raises(DamagedRow, match="its field value is no"):
        shape(table_of(kind, array=array)).row([b"x", field])


def test_a_row_without_its_key_is_damaged() -> None:
    with pytest.raises(DamagedRow, match="its field id is no text"):
        shape(table_of(Kind.TEXT)).row([None, b"x"])


def test_what_scan_finds_the_rows_by_means_no_other_prefix() -> None:
    table = table_of(Kind.TEXT)
    assert Keys("a").pattern(table) == "{a}:things:*"
    assert Keys("a*[b]?\\^").pattern(table) == "{a\\*\\[b\\]\\?\\\\\\^}:things:*"
