"""Events whose producers use a schema registry: where their attributes come from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.adapters.codecs.registry.bodies import Bodies
from consumer.adapters.codecs.registry.codec import SchemaRegistry
from consumer.adapters.codecs.registry.registered import Registered
from consumer.errors import Misconfigured, Transient, Undecodable
from consumer.model.event import Event
from consumer.testing import assert_codec_holds
from tests.schemas import NOON, Kept, a_record, bytes_of, field, framed, logical, record, registered

MONEY = logical("bytes", "decimal", precision=9, scale=2)
PLACED = a_record(
    field("number", "int"),
    field("total", MONEY),
    field("at", logical("long", "timestamp-millis")),
    field("customer", a_record(field("name", "string"), name="Customer")),
    field("tags", {"type": "array", "items": "string"}),
    field("note", ["null", "string"]),
)
ORDER = {
    "number": 7,
    "total": Decimal("12.50"),
    "at": datetime(2026, 11, 2, tzinfo=UTC),
    "customer": {"name": "ada"},
    "tags": ["new", "paid"],
    "note": None,
}
VALUE = framed(1, bytes_of(PLACED, ORDER))
KEY = a_record(field("number", "long"), name="Key")
WIDE_KEY = a_record(field("shop", "string"), field("number", "long"), name="WideKey")
JSON = registered({"title": "Paid"}, type="JSON")
SCHEMAS = {1: PLACED, 2: KEY, 3: WIDE_KEY, 4: "long", 5: ["null", PLACED], 6: "string"}


class Order(msgspec.Struct):
    number: int
    total: Decimal
    at: datetime


def bodies() -> Bodies:
    avro = {number: registered(schema) for number, schema in SCHEMAS.items()}
    return Bodies(Kept({**avro, 7: JSON}))


def codec(**places: Any) -> SchemaRegistry:
    return SchemaRegistry(bodies(), **places)


def event(
    value: bytes | None = VALUE,
    headers: Sequence[tuple[str, bytes | None]] = (),
    key: bytes | None = b"order-7",
    **places: Any,
) -> Event:
    return codec(**places).decode(record(value, headers, key))


def test_without_places_schema_and_record_say_it_all() -> None:
    it = event(headers=[("traceparent", b"00-1")])
    assert (it.type, it.id, it.aggregate_id, it.version) == (
        "shop.Placed",
        "orders/3:41",
        "order-7",
        1,
    )
    assert (it.time, it.key, it.sequence) == (NOON, b"order-7", None)
    assert it.data == ORDER
    assert it.decode(Order) == Order(7, Decimal("12.50"), datetime(2026, 11, 2, tzinfo=UTC))
    assert it.metadata == {"traceparent": "00-1"}


def test_fields_headers_keys_and_constants_are_places() -> None:
    it = event(
        headers=[("kind", b"order.placed")],
        key=framed(3, bytes_of(WIDE_KEY, {"shop": "north", "number": 9})),
        type="header:kind",
        id="field:number",
        aggregate_id="key:shop",
        version="const:3",
        time="field:at",
        data="field:customer",
    )
    assert (it.type, it.id, it.aggregate_id, it.version) == ("order.placed", "7", "north", 3)
    assert it.time == datetime(2026, 11, 2, tzinfo=UTC)
    assert it.data == {"name": "ada"}


def test_places_reach_into_records_and_arrays() -> None:
    it = event(aggregate_id="field:customer.name", type="field:tags.1", version="field:number")
    assert (it.aggregate_id, it.type, it.version) == ("ada", "paid", 7)


def test_a_time_that_is_not_there_is_the_broker_s_and_data_that_are_not_there_are_none() -> None:
    it = event(time="field:note", data="field:note", version="field:note")
    assert (it.time, it.data, it.version) == (NOON, None, 1)


@pytest.mark.parametrize(
    ("written", "into", "meant"),
    [
        (
            b'{"total":12345678901234567.89}',
            dict[str, Decimal],
            {"total": Decimal("12345678901234567.89")},
        ),
        (b"0.1000000000000000055", Decimal, Decimal("0.1000000000000000055")),
        (b'{"total":1e400}', dict[str, Decimal], {"total": Decimal("1E+400")}),
        (b'{"by_line":{"1":"a"}}', dict[str, dict[int, str]], {"by_line": {1: "a"}}),
    ],
)
def test_data_of_json_stay_json_at_a_place_too(written: bytes, into: type, meant: Any) -> None:
    assert event(framed(7, written)).decode(into) == meant
    it = event(framed(7, b'{"p": %b }' % written), data="field:p")
    assert (it.data, it.decode(into)) == (msgspec.Raw(written), meant)


@pytest.mark.parametrize(
    "value", [b'{"p":{"q": null }}', b'{"p":null}', b"{}", b'{"p":7}', b"[1]", b"7", b"null"]
)
def test_data_of_json_that_are_not_at_their_place_are_none(value: bytes) -> None:
    assert event(framed(7, value), data="field:p.q").data is None


def test_places_in_json_may_stand_within_each_other_and_in_arrays() -> None:
    value = b'{"p":{"id":9,"0":"paid","at":1793620800},"kinds":["a","b"],"\\"":"c"}'
    it = event(
        framed(7, value),
        id="field:p.id",
        type="field:p.0",
        aggregate_id="field:kinds.1",
        version="field:p.id",
        time="field:p.at",
        data="field:p",
    )
    assert (it.id, it.type, it.aggregate_id, it.version) == ("9", "paid", "b", 9)
    assert it.time == datetime(2026, 11, 2, 12, tzinfo=UTC)
    assert it.data == msgspec.Raw(b'{"id":9,"0":"paid","at":1793620800}')
    assert event(framed(7, value), type='field:"').type == "c"


def test_of_json_what_no_place_asks_for_is_not_decoded() -> None:
    value = b'{"id":9,"total":1e400}'
    it = event(framed(7, value), key=framed(7, value), id="field:id", aggregate_id="key:id")
    assert (it.id, it.aggregate_id, it.data) == ("9", "9", msgspec.Raw(value))
    with pytest.raises(Undecodable, match="Number out of range"):
        event(framed(7, value), id="field:total")


@pytest.mark.parametrize("places", [{"id": "field:a.b"}, {"data": "field:a"}])
@pytest.mark.parametrize("value", [b"", b"{", b'{"a":1', b"{}}", b"\xff\xfe", b"[" * 100_000])
def test_places_in_what_is_no_json_are_undecodable(value: bytes, places: dict[str, str]) -> None:
    with pytest.raises(Undecodable, match="no event in the fields: "):
        event(framed(7, value), **places)


@pytest.mark.parametrize(
    ("key", "told"),
    [
        (None, ""),
        (framed(7, b'{"number":7}'), "7"),
        (framed(7, b'"seven"'), "seven"),
        (b"order-7", "order-7"),
        (framed(2, bytes_of(KEY, {"number": 7})), "7"),
        (framed(4, bytes_of("long", 7)), "7"),
        (framed(6, bytes_of("string", "seven")), "seven"),
        (b"\0\0\0\0\0\0\0\7", "\0\0\0\0\0\0\0\7"),  # a LongSerializer's is none of a registry
    ],
)
def test_the_key_is_text_or_what_its_schema_says(key: bytes | None, told: str) -> None:
    assert event(key=key).aggregate_id == event(key=key).aggregate_id == told
    assert event(None, key=key).aggregate_id == told
    if told:
        assert event(key=key, id="key").id == told


def test_a_key_of_several_values_is_undecodable_until_it_is_said_which() -> None:
    key = framed(3, bytes_of(WIDE_KEY, {"shop": "north", "number": 9}))
    with pytest.raises(
        Undecodable, match=r"the key is more than one value: .*aggregate_id: key:NAME"
    ):
        event(key=key)
    assert event(key=key, aggregate_id="key:number").aggregate_id == "9"
    assert event(None, key=key, aggregate_id="const:all").aggregate_id == "all"


def test_a_tombstone_has_what_places_outside_of_the_value_say() -> None:
    it = event(
        None,
        [("kind", b"order.gone"), ("at", b"8")],
        framed(3, bytes_of(WIDE_KEY, {"shop": "north", "number": 9})),
        type="header:kind",
        id="header:at",
        aggregate_id="key:shop",
        time="field:at",
    )
    assert (it.type, it.id, it.aggregate_id, it.is_tombstone) == ("order.gone", "8", "north", True)
    it = event(None, type="field:tags.0", aggregate_id="field:customer.name")
    assert (it.type, it.aggregate_id) == ("tombstone", "order-7")


def test_a_branch_of_a_union_is_the_type() -> None:
    assert event(framed(5, b"\2" + bytes_of(PLACED, ORDER))).type == "shop.Placed"


@pytest.mark.parametrize(
    ("places", "why"),
    [
        ({"id": "field:nobody"}, "no id where the settings look for it"),
        ({"id": "field:customer"}, "no id where the settings look for it"),
        ({"type": "field:number.inner"}, "no type where the settings look for it"),
        ({"type": "field:tags.7"}, "no type where"),
        ({"type": "header:kind"}, "no type where"),
        ({"aggregate_id": "field:note"}, "no aggregate id where"),
        ({"aggregate_id": "key:number"}, "the key does not begin with the id of a schema"),
        ({"version": "field:customer.name"}, "the version is not a whole number"),
        ({"version": "const:-1"}, "the version is not a whole number"),
        ({"time": "field:customer.name"}, "the time is neither ISO 8601 nor a number since 1970"),
        ({"time": "field:tags"}, "the time is neither a time nor a number since 1970"),
    ],
)
def test_what_is_not_at_its_place_is_undecodable(places: dict[str, str], why: str) -> None:
    with pytest.raises(Undecodable, match=why):
        event(**places)


@pytest.mark.parametrize(
    ("places", "why"),
    [
        ({"id": "nonsense"}, "'nonsense' is no place in a record: write field:NAME"),
        ({"id": "field:a..b"}, "is no place in a record"),
        ({"id": "header:"}, "is no place in a record"),
        ({"id": "key:"}, None),
        ({"data": "key:a"}, "'key:a' is no place for data: write field:NAME, or leave it out"),
    ],
)
def test_what_is_no_place_is_refused(places: dict[str, str], why: str | None) -> None:
    if why is None:
        assert codec(**places)
        return
    with pytest.raises(Misconfigured, match=why):
        codec(**places)


def test_a_fault_and_a_value_over_the_cap_are_undecodable() -> None:
    with pytest.raises(Undecodable, match="the client broke it"):
        codec().decode(record(VALUE, fault="the client broke it"))
    with pytest.raises(Undecodable, match="and the limit is 3"):
        codec(max_bytes=3).decode(record(VALUE))


def test_it_holds_to_what_every_codec_must_do() -> None:
    key = framed(3, bytes_of(WIDE_KEY, {"shop": "north", "number": 9}))
    assert_codec_holds(codec(), record(VALUE), record(VALUE, key=None))
    assert_codec_holds(codec(aggregate_id="key:shop", time="field:at"), record(VALUE, key=key))


def test_an_outage_is_no_fault_of_the_record() -> None:
    class Away:
        def schema(self, schema_id: int | str) -> Registered:
            raise Transient("http://registry cannot be reached")

    with pytest.raises(Transient):
        SchemaRegistry(Bodies(Away())).decode(record(VALUE))


@settings(deadline=None)  # the machine may be busy
@given(
    value=st.none() | st.binary() | st.builds(framed, st.sampled_from([1, 7]), st.binary()),
    key=st.none() | st.binary() | st.builds(framed, st.sampled_from([3, 7]), st.binary()),
    headers=st.lists(
        st.tuples(
            st.sampled_from(["kind", "__value_schema_id", "__key_schema_id"]),
            st.none() | st.binary() | st.just(framed(1, b"")),
        ),
        max_size=3,
    ),
)
def test_whatever_the_bytes_nothing_but_undecodable_is_raised(
    value: bytes | None, key: bytes | None, headers: list[tuple[str, bytes | None]]
) -> None:
    for places in (
        {},
        {"type": "header:kind", "aggregate_id": "key:shop", "time": "field:at"},
        {"version": "field:a.0", "data": "field:a"},
    ):
        try:
            it = codec(**places).decode(record(value, headers, key))
            dict(it.metadata)
        except Undecodable as raised:
            assert raised.offset.value == 41  # type: ignore[union-attr] # noqa: PT017
