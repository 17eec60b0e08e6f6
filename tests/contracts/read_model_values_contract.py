"""What every `ReadModel` must do with the values of its columns, as tests to inherit.

Give the class `open_model`, as in `read_model_contract.py`.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from consumer.errors import RowRefused
from consumer.model.table import Column, Kind, Table
from consumer.ports.read_model import ReadModel, Transaction
from tests.contracts.read_model_contract import begun, fence, offset_in, rows

IN_TOKYO = timezone(timedelta(hours=9))
#: Whatever has a meaning in SQL, in Lua, in JSON, in COPY, or in arrays' text.
ODD = """Robert'); DROP TABLE "t"; -- \\ \\. \\N %s ? :a {"}] ,NULL null \t\r\n \x01\x7f é 漢 🙂 \u200d \ufeff"""

VALUES: dict[Kind, list[Any]] = {
    Kind.TEXT: ["", " ", "text", ODD, "NULL", "0", "1e3", "a" * 100_000, "\U0010ffff", "e\u0301"],
    Kind.INTEGER: [0, 1, -1, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63)],
    Kind.FLOAT: [0.0, 0.1, -1.5, 1e300, 5e-324, sys.float_info.max, math.inf, -math.inf, 3.0],
    Kind.BOOLEAN: [True, False],
    Kind.DECIMAL: [
        Decimal(0),
        Decimal("0.1"),
        Decimal("-12345678901234567890.123456789012345678901234567890"),
        Decimal("9" * 60),
        Decimal("1E+40"),
        Decimal("1E-40"),
        Decimal("1.10"),
    ],
    Kind.TIMESTAMP: [
        datetime(2026, 11, 23, 21, 36, 37, 123456, UTC),
        datetime(2026, 11, 23, 21, 36, 37, 1, UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999999, UTC),
        datetime(2026, 3, 29, 2, 30, tzinfo=IN_TOKYO),
        datetime(2026, 3, 29, 2, 30, tzinfo=timezone(-timedelta(hours=4, minutes=30))),
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999999, UTC),
    ],
    Kind.DATE: [date(2026, 11, 23), date(1, 1, 1), date(9999, 12, 31)],
    Kind.UUID: [UUID(int=0), UUID(int=2**128 - 1), UUID("12345678-1234-5678-9abc-123456789abc")],
    Kind.BYTES: [b"", b"\x00", bytes(range(256)), ODD.encode()],
    Kind.JSON: ["null", "1", '""', "[]", '{"a": [1, null, "\\"", 1.5, true, "é🙂"]}', json.dumps(ODD)],
}  # fmt: skip

#: What may be part of a primary key.
KEYS = {kind: values for kind, values in VALUES.items() if kind is not Kind.JSON}

#: What no store keeps as it is, so that all refuse it.
REFUSED: list[tuple[Kind, Any]] = [
    (Kind.TEXT, "nul \x00 within"),
    (Kind.TEXT, "half a pair \ud800"),
    (Kind.INTEGER, 2**63),
    (Kind.INTEGER, -(2**63) - 1),
    (Kind.TIMESTAMP, datetime(2026, 11, 23)),  # noqa: DTZ001 - it is what is refused
    (Kind.UUID, "12345678"),
    (Kind.INTEGER, "many"),
    (Kind.TEXT, 5),
    (Kind.TEXT, None),
    (Kind.DECIMAL, "much"),
    (Kind.FLOAT, 2**5000),
]


def table_of(kind: Kind, *, array: bool = False) -> Table:
    return Table(
        f"of_{kind.value}{'_s' if array else ''}",
        (
            Column("id", Kind.INTEGER),
            Column("value", kind, array=array),
            Column("maybe", kind, nullable=True, array=array),
        ),
        key=("id",),
    )


def keyed_by(kind: Kind) -> Table:
    return Table(f"by_{kind.value}", (Column("id", kind), Column("n", Kind.INTEGER)), key=("id",))


def same(kind: Kind, found: Any, given: Any) -> None:
    """The value came back as it went in: of the same type, and timestamps in UTC."""
    if isinstance(given, list):
        assert isinstance(found, list)
        assert len(found) == len(given)
        for mine, yours in zip(found, given, strict=True):
            same(kind, mine, yours)
    elif given is None:
        assert found is None
    elif kind is Kind.JSON:
        assert isinstance(found, str)
        assert json.loads(found) == json.loads(given)
    else:
        assert found == given
        assert type(found) is type(given)
        if kind is Kind.TIMESTAMP:
            assert found.utcoffset() == timedelta(0)


class ReadModelValuesContract:
    """A store, and what is put into it."""

    @pytest.fixture
    def open_model(self) -> Callable[[], ReadModel]:
        raise NotImplementedError("override the fixture `open_model`")

    @pytest.fixture
    def model(self, open_model: Callable[[], ReadModel]) -> Iterator[ReadModel]:
        model = open_model()
        yield model
        model.close()

    @pytest.fixture
    def other(self, open_model: Callable[[], ReadModel]) -> Iterator[ReadModel]:
        other = open_model()
        yield other
        other.close()

    @pytest.mark.parametrize("adds", ["write", "append"])
    @pytest.mark.parametrize("kind", list(Kind))
    def test_values_come_back_as_they_went_in(
        self, model: ReadModel, other: ReadModel, kind: Kind, adds: str
    ) -> None:
        table = table_of(kind)
        model.prepare([table], lambda transaction: None)
        begun(model)
        given = [(number, value, value) for number, value in enumerate(VALUES[kind])]
        given.append((-1, VALUES[kind][0], None))
        with model.transaction(fence(-1, 1)) as transaction:
            getattr(transaction, adds)(table, given)

        for each in (other, model):
            each.prepare([table], lambda transaction: None)
            found = rows(each, table, [(row[0],) for row in given])
            assert len(found) == len(given)
            for row in given:
                for column, mine, yours in zip(table.columns, found[row[:1]], row, strict=True):
                    same(column.kind, mine, yours)

    @pytest.mark.parametrize("adds", ["write", "append"])
    @pytest.mark.parametrize("kind", list(Kind))
    def test_arrays_come_back_as_they_went_in(
        self, model: ReadModel, other: ReadModel, kind: Kind, adds: str
    ) -> None:
        table = table_of(kind, array=True)
        values = VALUES[kind]
        model.prepare([table], lambda transaction: None)
        begun(model)
        given = [(0, values, values), (1, values[:1], None), (2, [], [])]
        with model.transaction(fence(-1, 1)) as transaction:
            getattr(transaction, adds)(table, given)

        for each in (other, model):
            each.prepare([table], lambda transaction: None)
            found = rows(each, table, [(0,), (1,), (2,)])
            for number, value, maybe in given:
                same(kind, found[number,][1], value)
                same(kind, found[number,][2], maybe)

    def test_an_int_is_a_float_where_floats_are_kept(self, model: ReadModel) -> None:
        table, arrays = table_of(Kind.FLOAT), table_of(Kind.FLOAT, array=True)
        model.prepare([table, arrays], lambda transaction: None)
        begun(model)
        with model.transaction(fence(-1, 1)) as transaction:
            transaction.write(table, [(1, 3, None)])
            transaction.append(table, [(2, 0.5, 4)])
            transaction.write(arrays, [(1, [3, 0.5], None)])

        found = rows(model, table, [(1,), (2,)])
        assert found == {(1,): (1, 3.0, None), (2,): (2, 0.5, 4.0)}
        assert [type(found[1,][1]), type(found[2,][2])] == [float, float]
        (three, _half) = rows(model, arrays, [(1,)])[1,][1]
        assert isinstance(three, float)

    def test_what_a_list_becomes_later_is_not_in_the_store(self, model: ReadModel) -> None:
        table = table_of(Kind.TEXT, array=True)
        model.prepare([table], lambda transaction: None)
        begun(model)
        value = ["a"]
        with model.transaction(fence(-1, 1)) as transaction:
            transaction.write(table, [(1, value, None)])
        value.append("b")
        with pytest.raises(ZeroDivisionError), model.transaction(fence(1, 2)) as transaction:  # noqa: PT012 - what is under test raises in the block, or at its end
            transaction.load(table, [(1,)])[1,][1].append("c")
            raise ZeroDivisionError

        assert rows(model, table, [(1,)]) == {(1,): (1, ["a"], None)}

    @pytest.mark.parametrize("kind", list(KEYS))
    def test_rows_are_found_by_keys_of_every_kind(
        self, model: ReadModel, other: ReadModel, kind: Kind
    ) -> None:
        table = keyed_by(kind)
        keys = [(key,) for key in KEYS[kind] if key != "a" * 100_000]  # longer than an index takes
        model.prepare([table], lambda transaction: None)
        begun(model)
        with model.transaction(fence(-1, 1)) as transaction:
            transaction.write(table, [(*key, 1) for key in keys])
        with model.transaction(fence(1, 2)) as transaction:
            found = transaction.load(table, keys)
            assert set(found) == set(keys)
            transaction.write(table, [(*key, found[key][1] + 1) for key in keys])
        with other.transaction(fence(2, 3)) as transaction:
            found = transaction.load(table, keys)
            assert {key: row[1] for key, row in found.items()} == dict.fromkeys(keys, 2)
            transaction.write(table, [], gone=keys[1:])

        assert set(rows(model, table, keys)) == {keys[0]}

    @pytest.mark.parametrize(
        ("kind", "one", "another"),
        [
            (Kind.DECIMAL, Decimal("1.10"), Decimal("1.1")),
            (Kind.DECIMAL, Decimal("1E+2"), Decimal("100.0")),
            (Kind.DECIMAL, Decimal("-0.0"), Decimal(0)),
            (Kind.FLOAT, 0.0, -0.0),
            (
                Kind.TIMESTAMP,
                datetime(2026, 1, 1, 9, tzinfo=IN_TOKYO),
                datetime(2026, 1, 1, tzinfo=UTC),
            ),
        ],
    )
    def test_keys_that_are_equal_name_one_row_however_they_are_written(
        self, model: ReadModel, kind: Kind, one: Any, another: Any
    ) -> None:
        table = keyed_by(kind)
        model.prepare([table], lambda transaction: None)
        begun(model)
        with model.transaction(fence(-1, 1)) as transaction:
            transaction.write(table, [(one, 1)])
        with model.transaction(fence(1, 2)) as transaction:
            assert transaction.load(table, [(another,)])[another,] == (one, 1)
            transaction.write(table, [(another, 2)])

        assert rows(model, table, [(one,)])[one,][1] == 2
        with model.transaction(fence(2, 3)) as transaction:
            transaction.write(table, [], gone=[(one,)])
        assert rows(model, table, [(another,)]) == {}

    @pytest.mark.parametrize("key", [ODD, "", " ", "a:b", "a{b}", "*", "\\", "%", "null"])
    def test_parts_of_keys_are_kept_apart_whatever_they_hold(
        self, model: ReadModel, key: str
    ) -> None:
        table = Table(
            "pairs",
            (Column("a", Kind.TEXT), Column("b", Kind.TEXT), Column("n", Kind.INTEGER)),
            key=("a", "b"),
        )
        keys = [(key, ""), ("", key), (key, key), (key + ":", ""), (key, ":"), ("", key + ":")]
        keys = list(dict.fromkeys(keys))
        model.prepare([table], lambda transaction: None)
        begun(model)
        with model.transaction(fence(-1, 1)) as transaction:
            transaction.write(table, [(*each, number) for number, each in enumerate(keys)])

        found = rows(model, table, keys)
        assert found == {each: (*each, number) for number, each in enumerate(keys)}

    @pytest.mark.parametrize("adds", ["write", "append"])
    @pytest.mark.parametrize(("kind", "value"), REFUSED, ids=repr)
    def test_what_cannot_be_kept_is_refused_and_changes_nothing(
        self, model: ReadModel, kind: Kind, value: Any, adds: str
    ) -> None:
        table, good = table_of(kind), VALUES[kind][1]
        model.prepare([table], lambda transaction: None)
        begun(model)

        for bad in ((2, value, None), (2, good, value)):
            if bad[2] is None and value is None:
                continue  # that is NULL where it may be
            with (  # noqa: PT012 - what is under test raises in the block, or at its end
                pytest.raises(RowRefused, match=rf"table {table.name}\b") as refusal,
                model.transaction(fence(-1, 1)) as transaction,
            ):
                transaction.load(table, [(1,)])
                getattr(transaction, adds)(table, [(1, good, None), bad])
            assert re.search(r"column (value|maybe)\b", str(refusal.value))

        assert rows(model, table, [(1,), (2,)]) == {}
        assert str(offset_in(model)) == "-1"
        with model.transaction(fence(-1, 1)) as transaction:
            getattr(transaction, adds)(table, [(1, good, None)])
        assert set(rows(model, table, [(1,)])) == {(1,)}

    @pytest.mark.parametrize(
        ("kind", "key"),
        [
            *[(Kind.DECIMAL, Decimal(text)) for text in ("sNaN", "NaN", "-Infinity", "1E+1000000")],
            *[(Kind.FLOAT, number) for number in (2**64, 2**5000, math.nan, -math.inf)],
            (Kind.INTEGER, 2**64),
        ],
        ids=repr,
    )
    def test_a_key_that_hardly_is_one_is_kept_or_refused(
        self, model: ReadModel, kind: Kind, key: Any
    ) -> None:
        table = keyed_by(kind)
        model.prepare([table], lambda transaction: None)
        begun(model)
        deeds: list[Callable[[Transaction], object]] = [
            lambda transaction: transaction.load(table, [(key,)]),
            lambda transaction: transaction.write(table, [(key, 1)]),
            lambda transaction: transaction.write(table, [], gone=[(key,)]),
        ]
        offset = -1
        for deed in deeds:
            with suppress(RowRefused):
                with model.transaction(fence(offset, offset + 1)) as transaction:
                    deed(transaction)
                offset += 1

    def test_a_key_of_another_length_is_refused(self, model: ReadModel) -> None:
        table = keyed_by(Kind.TEXT)
        model.prepare([table], lambda transaction: None)
        begun(model)
        deeds: list[Callable[[Transaction], object]] = [
            lambda transaction: transaction.load(table, [("a", "b")]),
            lambda transaction: transaction.write(table, [], gone=[()]),
        ]
        for deed in deeds:
            with (
                pytest.raises(RowRefused, match=f"table {table.name}"),
                model.transaction(fence(-1, 1)) as transaction,
            ):
                deed(transaction)

    @pytest.mark.parametrize(
        ("kind", "value"), [(Kind.FLOAT, math.nan), (Kind.DECIMAL, Decimal("NaN"))]
    )
    def test_what_is_no_number_is_kept_or_refused_and_never_something_else(
        self, model: ReadModel, kind: Kind, value: Any
    ) -> None:
        table = table_of(kind)
        model.prepare([table], lambda transaction: None)
        begun(model)
        good = VALUES[kind][0]
        try:
            with model.transaction(fence(-1, 1)) as transaction:
                transaction.write(table, [(1, good, value)])
        except RowRefused:
            assert rows(model, table, [(1,)]) == {}
            return

        found = rows(model, table, [(1,)])[1,][2]
        assert type(found) is type(value)
        assert found != found  # noqa: PLR0124 - that is how it is known
