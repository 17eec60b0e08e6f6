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
SCHEMAS = {1: PLACED, 2: KEY, 3: WIDE_KEY, 4: "long", 5: ["null", PLACED], 6: "string"}


class Order(msgspec.Struct):
    number: int
    total: Decimal
    at: datetime


def bodies() -> Bodies:
    return Bodies(Kept({number: registered(schema) for number, schema in SCHEMAS.items()}))


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
    ("key", "told"),
    [
        (None, ""),
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
    value=st.none() | st.binary() | st.binary().map(lambda body: framed(1, body)),
    key=st.none() | st.binary() | st.binary().map(lambda body: framed(3, body)),
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
    for places in ({}, {"type": "header:kind", "aggregate_id": "key:shop", "time": "field:at"}):
        try:
            it = codec(**places).decode(record(value, headers, key))
            dict(it.metadata)
        except Undecodable as raised:
            assert raised.offset.value == 41  # type: ignore[union-attr] # noqa: PT017
