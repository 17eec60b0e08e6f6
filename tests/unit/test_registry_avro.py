"""Avro by its schemas: what comes out, and that bad bytes end as `Undecodable`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.adapters.codecs.registry.avro_schemas import parsed
from consumer.adapters.codecs.registry.bodies import Bodies
from consumer.adapters.codecs.registry.body import Body
from consumer.adapters.codecs.registry.framing import SchemaId
from consumer.adapters.codecs.registry.registered import Reference, Registered
from consumer.errors import Undecodable
from consumer.model.position import IntOffset, Partition
from tests.schemas import (
    Kept,
    a_record,
    bytes_of,
    field,
    framed,
    logical,
    number,
    record,
    registered,
)

GUID = "6f3c1a52-97b5-4b2f-8d0e-1f6f2a9b7c11"


def read(schema: Any, data: bytes, *references: Reference, reader: Any = None) -> Body:
    reader_schemas = [] if reader is None else [parsed(json.dumps(reader))]
    bodies = Bodies(Kept({7: registered(schema, *references)}), reader_schemas)
    return bodies.value(record(b"\0\0\0\0\7" + data))


PLACED = a_record(field("number", "int"), field("note", ["null", "string"], default=None))
MONEY = logical("bytes", "decimal", precision=4, scale=2)
NODE = a_record(field("next", ["null", "shop.Node"]), name="Node")


def doubled(inner: Any, times: int) -> Any:
    """A record with two of a record with two ..., each written once."""
    first = a_record(field("a", inner), name="R0")
    return [first, *(nested(each, "ab") for each in range(1, times))]


def chained(length: int) -> Any:
    """A record in a record in a record ..., as a union whose last branch holds all others."""
    return [
        a_record(field("a", "int"), name="R0"),
        *(nested(each, "a") for each in range(1, length)),
    ]


def nested(number: int, names: str) -> Any:
    return a_record(*(field(name, f"shop.R{number - 1}") for name in names), name=f"R{number}")


@pytest.mark.parametrize(
    ("value", "headers", "why"),
    [
        (None, (), "it has no value"),
        (b"", (), "the value does not begin with the id of a schema"),
        (b'{"number":1}', (), "the value does not begin with the id of a schema"),
        (b"\0\0\0\0", (), "the value ends within the id of its schema"),
        (b"\1" + bytes(15), (), "the value ends within the id of its schema"),
        (
            b"\2",
            [("__value_schema_id", b"\1\2")],
            "the header __value_schema_id ends within the id",
        ),
        (b"\2", [("__value_schema_id", None)], "the header __value_schema_id does not begin with"),
        (b"\2", [("__value_schema_id", b"\0\0\0\0\7")] * 2, "__value_schema_id is repeated"),
        (b"\0\0\0\0\x08\2", (), "http://registry knows no schema 8"),
        (b"\0\0\0\0\x09\2", (), "schema 7 is THRIFT, and we read AVRO"),
        (b"\0\0\0\0\x0a\2", (), r"schema 7 cannot be read: fastavro takes it for no Avro schema"),
        (
            b"\0\0\0\0\x0b\2",
            (),
            "schema 7 cannot be read: it has an array whose items take no bytes",
        ),
        (
            b"\0\0\0\0\x0c\2",
            (),
            "schema 7 cannot be read: its values hold others that take no bytes",
        ),
    ],
)
def test_what_names_no_schema_that_can_be_read_is_undecodable(
    value: bytes | None, headers: Sequence[tuple[str, bytes | None]], why: str
) -> None:
    schemas: dict[SchemaId, Registered] = {
        7: registered(PLACED),
        9: registered(PLACED, type="THRIFT"),
        10: Registered("schema 7", "AVRO", '{"type":"recor', ()),
        11: registered({"type": "array", "items": a_record(field("a", "null"))}),
        12: registered(doubled("null", 40)),
    }
    with pytest.raises(Undecodable, match=why) as raised:
        Bodies(Kept(schemas)).value(record(value, headers))
    assert (raised.value.partition, raised.value.offset) == (Partition("orders", 3), IntOffset(41))


@pytest.mark.parametrize(
    ("schema", "data", "why"),
    [
        (PLACED, b"\2", "the bytes end too early"),
        (PLACED, b"\2\0\0", "bytes are left behind the value"),
        (PLACED, b"\2\6\2a", "a union or an enum has no such branch"),
        ("string", number(2) + b"\xff\xfe", "the text is not UTF-8"),
        ("string", number(-2) + b"ab", "the bytes end too early"),
        ("bytes", number(2**62), "the bytes end too early"),
        (["null", PLACED], number(2), "the union has no such branch"),
        (["null", PLACED], number(-1), "the union has no such branch"),
        (["null", PLACED], b"\xff" * 12, "the union has no such branch"),
        (["null", PLACED], b"", "the union has no such branch"),
        ({"type": "array", "items": "int"}, number(2**62), "the bytes end too early"),
        (MONEY, number(2) + (10_000).to_bytes(2), "a decimal has more than its 4 digits"),
        (MONEY, number(3) + (-100_001).to_bytes(3, signed=True), "more than its 4 digits"),
        (logical("long", "timestamp-millis"), number(253402300800000), "outside of the years"),
        (logical("long", "timestamp-micros"), number(-62135596800000001), "outside of the years"),
        (logical("long", "timestamp-micros"), number(2**63 - 1), "outside of the years"),
        (logical("int", "date"), number(2932897), "the bytes are not of this schema"),
        (logical("int", "time-millis"), number(86_400_000), "a time lies outside of the day"),
        (logical("long", "time-micros"), number(-1), "a time lies outside of the day"),
        (logical("string", "uuid"), number(3) + b"abc", "the bytes are not of this schema"),
        (NODE, b"\2" * 1_000_000 + b"\0", "the data is nested too deep"),
        (NODE, b"\xff" * 1_000_000, "the bytes are not of this schema"),
        (chained(20_000), number(19_999) + b"\2", "the data is nested too deep"),
        (MONEY, number(1_000_000) + b"\x7f" * 1_000_000, "a decimal has more than 1000 bytes"),
    ],
)
def test_bad_bytes_are_undecodable_and_the_reason_quotes_none(
    schema: Any, data: bytes, why: str
) -> None:
    with pytest.raises(Undecodable, match=f"^orders/3 at offset 41: schema 7: .*{why}") as raised:
        read(schema, data)
    assert "abc" not in str(raised.value)


def flat(inner: Any) -> Any:
    """A type that fastavro's C code reads."""
    return a_record(field("it", inner), field("next", ["null", "string"]), name="Around")


def deep(inner: Any) -> Any:
    """A type that fastavro's Python code reads."""
    return a_record(field("it", inner), field("next", ["null", "shop.Around"]), name="Around")


SIZE = {"type": "enum", "name": "Size", "symbols": ["S", "M", "L"]}
NOTE = ["null", "string", "int"]
NO_BRANCH = "schema 7: a union or an enum has no such branch"

OUT_OF_RANGE = [
    (SIZE, number(-1)),
    (SIZE, number(-3)),
    (SIZE, number(-4)),
    (SIZE, number(3)),
    (SIZE, number(-(2**63))),
    (NOTE, number(-1) + number(5)),
    (NOTE, number(-2) + b"\2x"),
    (NOTE, number(-3)),
    (NOTE, number(3)),
    (["null", SIZE], number(1) + number(-1)),
    ({"type": "array", "items": SIZE}, number(2) + number(0) + number(-1) + b"\0"),
    ({"type": "array", "items": NOTE}, number(1) + number(-3) + b"\0"),
    ({"type": "map", "values": SIZE}, number(1) + b"\2k" + number(-2) + b"\0"),
    ({"type": "map", "values": NOTE}, number(1) + b"\2k" + number(-3) + b"\0"),
    (a_record(field("size", SIZE), name="Inner"), number(-1)),
    (a_record(field("a", SIZE), field("b", "shop.Size"), name="Inner"), b"\0" + number(-1)),
    (["null", a_record(field("note", NOTE), name="Inner")], number(1) + number(-3)),
]


@pytest.mark.parametrize(("inner", "data"), OUT_OF_RANGE)
@pytest.mark.parametrize("around", [flat, deep])
def test_a_number_that_counts_from_the_end_is_of_no_union_and_no_enum(
    around: Any, inner: Any, data: bytes
) -> None:
    with pytest.raises(Undecodable, match=NO_BRANCH):
        read(around(inner), data + b"\0")


@pytest.mark.parametrize(("inner", "data"), OUT_OF_RANGE)
@pytest.mark.parametrize("around", [flat, deep])
@pytest.mark.parametrize("wanted", ["it", "more"])
def test_nor_is_it_by_a_reader_s_schema_that_wants_the_field_or_passes_over_it(
    wanted: str, around: Any, inner: Any, data: bytes
) -> None:
    fields = {"it": field("it", inner), "more": field("more", "int", default=1)}
    reader = a_record(fields[wanted], name="Around")
    with pytest.raises(Undecodable, match=NO_BRANCH):
        read(around(inner), data + b"\0", reader=reader)


@pytest.mark.parametrize(
    ("schema", "data"),
    [
        (SIZE, number(-1)),
        ({"type": "array", "items": NOTE}, number(1) + number(-3) + b"\0"),
        ({"type": "map", "values": SIZE}, number(1) + b"\2k" + number(-2) + b"\0"),
        (["null", SIZE], number(1) + number(-1)),
        (NODE, number(-2)),
    ],
)
def test_nor_is_it_where_the_schema_is_no_record_or_one_within_itself(
    schema: Any, data: bytes
) -> None:
    with pytest.raises(Undecodable, match=NO_BRANCH):
        read(schema, data)


def test_nor_is_it_where_the_type_is_one_that_the_schema_refers_to() -> None:
    inner = a_record(field("size", SIZE), field("note", NOTE), name="Inner")
    reference = Reference("shop.Inner", registered(inner))
    outer = a_record(field("inner", "shop.Inner"), field("again", ["null", "shop.Inner"]))
    assert read(outer, b"\2\0\2\4\0", reference).data == {
        "inner": {"size": "M", "note": None},
        "again": {"size": "L", "note": None},
    }
    for data in (b"\1\0\0", b"\0\1\2\0", b"\0\0\2\1\0", b"\0\0\2\0\1\2"):
        for schema, start in ((outer, b""), ([outer, "null"], b"\0")):
            with pytest.raises(Undecodable, match=NO_BRANCH):
                read(schema, start + data, reference)


@pytest.mark.parametrize("around", [flat, deep])
@pytest.mark.parametrize("wanted", [None, "it", "more"])
def test_the_numbers_that_a_union_and_an_enum_have_are_read(
    wanted: str | None, around: Any
) -> None:
    inner = a_record(field("size", SIZE), field("notes", {"type": "map", "values": NOTE}))
    values = [
        {"size": size, "notes": {"a": None, "b": "b", "c": 3}} for size in SIZE["symbols"]
    ] + [None]
    several = {"type": "array", "items": ["null", inner]}
    fields = {"it": field("it", several), "more": field("more", "int", default=1)}
    schema = around(several)
    data = bytes_of(schema, {"it": values, "next": None})
    if wanted is None:
        assert read(schema, data).data == {"it": values, "next": None}
    else:
        body = read(schema, data, reader=a_record(fields[wanted], name="Around"))
        assert body.data == {wanted: {"it": values, "more": 1}[wanted]}


@pytest.mark.parametrize(
    ("inner", "data"),
    [
        ("string", number(100) + b"x"),
        ("string", number(-1) + b"x"),
        ("bytes", number(2)),
        ({"type": "fixed", "name": "F", "size": 9}, b"x"),
        ("double", b"1234567"),
        ("boolean", b""),
    ],
)
def test_what_ends_within_a_field_that_a_reader_s_schema_passes_over_is_undecodable(
    inner: Any, data: bytes
) -> None:
    written = a_record(field("number", "int"), field("it", inner))
    with pytest.raises(Undecodable, match="the bytes end too early"):
        read(written, b"\2" + data, reader=a_record(field("number", "int")))


def test_what_python_has_no_value_for_may_stand_in_a_field_that_is_passed_over() -> None:
    written = a_record(field("number", "int"), field("at", logical("long", "timestamp-millis")))
    data = b"\2" + number(253402300800000)
    assert read(written, data, reader=a_record(field("number", "int"))).data == {"number": 1}


def test_text_that_is_not_utf_8_may_stand_in_a_field_that_is_passed_over() -> None:
    written = a_record(field("number", "int"), field("note", "string"))
    narrow = a_record(field("number", "int"))
    assert read(written, b"\2\x08caf\xe9", reader=narrow).data == {"number": 1}
    with pytest.raises(Undecodable, match="the text is not UTF-8"):
        read(written, b"\2\x08caf\xe9")


def test_a_type_is_prepared_once_however_many_types_are_around_it() -> None:
    inner = a_record(field("it", a_record(field("number", "int"), name="Inner")), name="Around")
    names = parsed(json.dumps(a_record(field("it", inner)))).counted["__named_schemas"]
    assert names["shop.Around"]["fields"][0]["type"] is names["shop.Inner"]
    assert names["shop.Placed"]["fields"][0]["type"] is names["shop.Around"]


@pytest.mark.parametrize(
    ("schema", "value", "name"),
    [
        (PLACED, {"number": 7, "note": "two"}, "shop.Placed"),
        ("string", "a", "string"),
        ({"type": "map", "values": "long"}, {"a": 2**63 - 1}, "map"),
        ({"type": "array", "items": "double"}, [0.5], "array"),
        ({"type": "enum", "name": "shop.Size", "symbols": ["S", "M"]}, "M", "shop.Size"),
        ({"type": "fixed", "name": "F", "size": 2}, b"\0\xff", "F"),
        (MONEY, Decimal("-99.99"), "bytes"),
        (MONEY, Decimal("0.00"), "bytes"),
        (
            logical("bytes", "decimal", precision=80, scale=40),
            Decimal("9" * 40 + "." + "9" * 40),
            "bytes",
        ),
        (
            logical("fixed", "decimal", name="D", size=9, precision=20, scale=0),
            Decimal(12345678901234567890),
            "D",
        ),
        (
            logical("long", "timestamp-millis"),
            datetime(9999, 12, 31, 23, 59, 59, 999000, UTC),
            "long",
        ),
        (logical("long", "timestamp-micros"), datetime(1, 1, 1, tzinfo=UTC), "long"),
        (logical("long", "local-timestamp-micros"), datetime(2026, 11, 1, 12), "long"),  # noqa: DTZ001
        (logical("int", "date"), date(9999, 12, 31), "int"),
        (logical("int", "time-millis"), time(23, 59, 59, 999000), "int"),
        (logical("long", "time-micros"), time(23, 59, 59, 999999), "long"),
        (logical("string", "uuid"), UUID(GUID), "string"),
        (NODE, {"next": {"next": None}}, "shop.Node"),
    ],
)
def test_a_value_is_plain_python_and_named_for_its_schema(
    schema: Any, value: Any, name: str
) -> None:
    body = read(schema, bytes_of(schema, value))
    assert (body.name, body.data) == (name, value)
    assert type(body.data) is type(value)


@pytest.mark.parametrize(
    "given", [{"precision": 3, "scale": 5}, {"precision": 3, "scale": -2}, {"precision": 0}, {}]
)
def test_a_decimal_that_is_none_is_bytes(given: dict[str, int]) -> None:
    placed = a_record(field("price", ["null", logical("bytes", "decimal", **given)]))
    assert read(placed, number(1) + number(1) + b"\7").data == {"price": b"\7"}


def test_a_uuid_of_sixteen_bytes_is_a_uuid() -> None:
    schema = logical("fixed", "uuid", name="U", size=16)
    assert read(schema, UUID(GUID).bytes).data == UUID(GUID)


def test_of_a_union_each_branch_has_its_own_name() -> None:
    paid = a_record(field("cents", "long"), name="Paid")
    union = [PLACED, paid, "null"]
    assert read(union, number(0) + bytes_of(PLACED, {"number": 1})).name == "shop.Placed"
    body = read(union, number(1) + bytes_of(paid, {"cents": 300}))
    assert (body.name, body.data, body.schema["name"]) == ("shop.Paid", {"cents": 300}, "shop.Paid")
    assert (read(union, number(2)).name, read(union, number(2)).data) == ("null", None)


def test_a_schema_reads_with_all_that_it_refers_to_each_once() -> None:
    money = registered(a_record(field("amount", MONEY), name="Money"))
    line = registered(
        a_record(field("price", "shop.Money"), name="Line"), Reference("shop.Money", money)
    )
    order = a_record(field("total", "shop.Money"), field("line", "shop.Line"), name="Order")
    references = (Reference("shop.Money", money), Reference("shop.Line", line))
    price = number(2) + (123).to_bytes(2)
    body = read(order, price + price, *references)
    assert body.data == {
        "total": {"amount": Decimal("1.23")},
        "line": {"price": {"amount": Decimal("1.23")}},
    }
    of_references = read(
        ["shop.Money", "shop.Order"],
        number(0) + price,
        *references,
        Reference("shop.Order", registered(order, *references)),
    )
    assert of_references.name == "shop.Money"
    by_name = read("shop.Money", price, *references)
    assert (by_name.name, by_name.data) == ("shop.Money", {"amount": Decimal("1.23")})


def test_what_was_written_is_read_as_the_reader_s_schema_has_it() -> None:
    wanted = a_record(
        field("number", "long"),
        field("size", {"type": "enum", "name": "Size", "symbols": ["S"]}, default="S"),
        field("price", MONEY, default="\u0001"),
        field("at", logical("long", "timestamp-millis"), default=0),
        field("tags", ["null", "string"], default=None),
        name="Ordered",
        aliases=["shop.Placed"],
    )
    body = read(PLACED, bytes_of(PLACED, {"number": 1, "note": "gone"}), reader=wanted)
    assert body.name == "shop.Ordered"
    assert body.data == {
        "number": 1,
        "size": "S",
        "price": Decimal("0.01"),
        "at": datetime(1970, 1, 1, tzinfo=UTC),
        "tags": None,
    }
    assert body.schema["name"] == "shop.Placed"
    within = read([PLACED, "null"], number(0) + bytes_of(PLACED, {"number": 1}), reader=wanted)
    assert (within.name, within.data) == ("shop.Ordered", body.data)
    assert read([PLACED, "null"], number(1), reader=wanted).data is None


@pytest.mark.parametrize("alias", ["Placed", "shop.Placed"])
def test_an_alias_without_a_namespace_is_of_its_type_s_own(alias: str) -> None:
    reader = a_record(field("number", "long"), name="Taken", aliases=[alias])
    body = read(PLACED, number(7) + b"\0", reader=reader)
    assert (body.name, body.data) == ("shop.Taken", {"number": 7})


def test_what_the_reader_s_schema_cannot_read_is_undecodable() -> None:
    wanted = a_record(field("customer", "string"))
    with pytest.raises(Undecodable, match="it cannot be read as the reader's schema"):
        read(PLACED, bytes_of(PLACED, {"number": 1}), reader=wanted)


def test_attributes_of_one_s_own_stop_no_reading_whatever_their_names() -> None:
    own = {"items": {"a": 1}, "values": [{}], "fields": ["a"], "symbols": "a"}
    odd = a_record(
        field("size", {**SIZE, "fields": ["a"]}), field("text", {"type": "string", **own})
    )
    assert read({**own, **odd}, b"\2\2a").data == {"size": "M", "text": "a"}


def test_a_default_that_is_none_of_its_type_stops_no_reading() -> None:
    odd = a_record(field("number", "int", default="none"))
    assert read(odd, b"\2").data == {"number": 1}


def test_the_id_may_be_a_guid_before_the_bytes_or_in_a_header() -> None:
    kept = Kept({GUID: registered(PLACED)})
    bodies = Bodies(kept)
    named, data = b"\1" + UUID(GUID).bytes, bytes_of(PLACED, {"number": 1})
    one = bodies.value(record(named + data))
    other = bodies.value(record(data, [("a", b"b"), ("__value_schema_id", named)]))
    of_key = bodies.key(record(None, [("__key_schema_id", named)], key=data))
    assert one == other == of_key
    assert kept.asked == [GUID]


def test_a_header_wins_over_bytes_that_look_like_the_id_of_a_known_schema() -> None:
    bodies = Bodies(Kept({7: registered("long"), GUID: registered("bytes")}))
    bodies.value(record(framed(7, b"\2")))
    misleading = framed(7, b"\2")
    headers = [("__value_schema_id", b"\1" + UUID(GUID).bytes)]
    with pytest.raises(Undecodable):
        bodies.value(record(misleading, headers))
    assert bodies.value(record(number(6) + misleading, headers)).data == misleading


def test_a_schema_is_asked_for_once_and_one_that_is_unknown_each_time() -> None:
    kept = Kept({7: registered("long")})
    bodies = Bodies(kept)
    for _ in range(2):
        assert bodies.value(record(b"\0\0\0\0\7\2")).data == 1
        assert bodies.key(record(None, key=b"\0\0\0\0\7\2")).data == 1
        with pytest.raises(Undecodable):
            bodies.value(record(b"\0\0\0\0\x08\2"))
    assert kept.asked == [7, 8, 8]


def test_that_a_schema_cannot_be_read_is_found_out_once() -> None:
    kept = Kept({7: registered({"type": "array", "items": "null"}), 8: registered(1, type="X")})
    bodies = Bodies(kept)
    for _ in range(2):
        for each in (b"\0\0\0\0\7\2", b"\0\0\0\0\x08\2"):
            with pytest.raises(Undecodable, match="schema 7"):
                bodies.value(record(each))
    assert kept.asked == [7, 8]


def test_what_many_refer_to_is_gone_to_once() -> None:
    first = second = registered("long")
    for level in range(40):
        references = Reference(f"a{level}", first), Reference(f"b{level}", second)
        first, second = registered(level, *references), registered(-level, *references)
    assert len(first.every_reference()) == 80


EVERYTHING = a_record(
    field("i", "int"),
    field("s", "string"),
    field("u", ["null", "string", MONEY, "shop.Everything"]),
    field("e", {"type": "enum", "name": "Size", "symbols": ["S", "M"]}),
    field("f", {"type": "fixed", "name": "F", "size": 2}),
    field("a", {"type": "array", "items": logical("long", "timestamp-micros")}),
    field("m", {"type": "map", "values": "boolean"}),
    field("d", logical("int", "date")),
    field("t", logical("int", "time-millis")),
    name="Everything",
)


@settings(deadline=None)  # the machine may be busy
@given(
    st.binary() | st.binary().map(b"\0\0\0\0\7".__add__),
    st.sampled_from([EVERYTHING, ["null", EVERYTHING], PLACED]),
)
def test_whatever_the_bytes_they_are_a_body_or_undecodable(data: bytes, schema: Any) -> None:
    bodies = Bodies(Kept({7: registered(schema)}))
    try:
        assert isinstance(bodies.value(record(data)), Body)
    except Undecodable as raised:
        assert raised.partition == Partition("orders", 3)  # noqa: PT017 - some are bodies
