"""What the outbox event router writes, as events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.adapters.codecs.connect.outbox import Outbox
from consumer.adapters.codecs.registry.body import Body
from consumer.errors import Misconfigured, Undecodable
from consumer.model.event import Event
from consumer.model.position import IntOffset, Partition
from consumer.model.record import Record
from tests.connect.records import records

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
SECRET = "4111-1111-1111-1111"
HEADERS = (("id", b"7"), ("eventType", b"OrderPlaced"))
PLACED = {"total": 3}
Headers = Sequence[tuple[str, bytes | None]]


def record(
    value: bytes | None, headers: Headers = HEADERS, key: bytes | None = b"order-1"
) -> Record:
    return Record(Partition("orders", 3), IntOffset(41), key, value, headers, NOON)


def test_what_the_router_wrote_is_the_event_that_the_service_stored() -> None:
    (written,) = records("outbox", "order")
    event = Outbox().decode(written)
    assert (event.type, event.aggregate_id, event.version) == ("OrderPlaced", "o-1", 1)
    assert event.id == "00000000-0000-0000-0000-00000000000a"
    assert event.decode(dict[str, int]) == PLACED


@pytest.mark.parametrize(
    "value",
    [
        b'{"total":3}',
        b'"{\\"total\\":3}"',
        b'{"schema":{"type":"string","name":"io.debezium.data.Json"},"payload":"{\\"total\\": 3}"}',
        b'{"schema":{"type":"struct","fields":[{"field":"total","type":"int32"}]},"payload":{"total":3}}',
        (
            b'{"schema":{"type":"struct","fields":[{"field":"total","type":"bytes",'
            b'"name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"0"}}]},'
            b'"payload":{"total":"Aw=="}}'
        ),
    ],
)
@pytest.mark.parametrize(
    "key", [b"order-1", b'"order-1"', b'{"schema":{"type":"string"},"payload":"order-1"}']
)
def test_key_and_payload_are_read_in_each_form_that_converters_give_them(
    value: bytes, key: bytes
) -> None:
    event = Outbox().decode(record(value, key=key))
    assert (event.id, event.type, event.aggregate_id) == ("7", "OrderPlaced", "order-1")
    assert event.decode(dict[str, Any]) == PLACED


def test_what_is_framed_is_read_by_its_schema() -> None:
    class Bodies:
        def value(self, record: Record) -> Body:
            return Body("io.shop.Placed", PLACED, {"type": "record", "fields": []})

        def key(self, record: Record) -> Body:
            return Body("string", "order-1", "string")

    framed = b"\x00\x00\x00\x00\x05..."
    event = Outbox(bodies=Bodies()).decode(record(framed, key=framed))
    assert (event.aggregate_id, event.data) == ("order-1", PLACED)


def test_a_version_stands_in_a_header_where_the_router_puts_it() -> None:
    event = Outbox().decode(record(b"{}", [*HEADERS, ("eventVersion", b"2")]))
    assert event.version == 2


def test_text_that_is_no_json_object_stays_text() -> None:
    assert Outbox().decode(record(b'"paid"')).data == "paid"


def test_places_are_what_the_router_was_told() -> None:
    codec = Outbox(
        type="field:type",
        id="const:x",
        aggregate_id="field:about.id",
        time="field:at",
        data="field:payload",
    )
    value = b'{"type":"paid","about":{"id":9},"at":"2026-11-01T11:00:00Z","payload":{"total":3}}'
    event = codec.decode(record(value))
    assert (event.type, event.id, event.aggregate_id) == ("paid", "x", "9")
    assert event.time == datetime(2026, 11, 1, 11, tzinfo=UTC)
    assert event.data == msgspec.Raw(b'{"total":3}')


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
def test_data_at_a_place_are_what_they_are_without_one(
    written: bytes, into: type, meant: Any
) -> None:
    assert Outbox().decode(record(written)).decode(into) == meant
    event = Outbox(data="field:p").decode(record(b'{"p": %b }' % written))
    assert (event.data, event.decode(into)) == (msgspec.Raw(written), meant)


@pytest.mark.parametrize(
    ("value", "data"),
    [
        (b'{"p": null }', None),
        (b"{}", None),
        (b'{"p":"{\\"total\\":3}"}', msgspec.Raw(b'{"total":3}')),
        (b'{"p":"paid"}', "paid"),
        (b'"{\\"p\\":[3.0]}"', msgspec.Raw(b"[3.0]")),
        (b"[1]", None),
        (b"7", None),
    ],
)
def test_data_at_a_place_are_unwrapped_as_the_whole_value_is(value: bytes, data: Any) -> None:
    assert Outbox(data="field:p").decode(record(value)).data == data


def test_data_at_a_place_are_pythons_values_where_a_schema_makes_them_so() -> None:
    total = {
        "field": "total",
        "type": "bytes",
        "name": "org.apache.kafka.connect.data.Decimal",
        "parameters": {"scale": "2"},
    }
    schema = {
        "type": "struct",
        "fields": [{"field": "p", "type": "struct", "fields": [total]}],
    }
    value = msgspec.json.encode({"schema": schema, "payload": {"p": {"total": "Aw=="}}})
    assert Outbox(data="field:p").decode(record(value)).data == {"total": Decimal("0.03")}


def test_places_may_stand_within_each_other_and_in_arrays() -> None:
    codec = Outbox(id="field:p.id", type="field:p.0", aggregate_id="field:kinds.1", data="field:p")
    event = codec.decode(record(b'{"p":{"id":9,"0":"paid"},"kinds":["a","b"]}'))
    assert (event.id, event.type, event.aggregate_id) == ("9", "paid", "b")
    assert event.data == msgspec.Raw(b'{"id":9,"0":"paid"}')


def test_what_no_place_asks_for_is_not_decoded() -> None:
    event = Outbox(id="field:id").decode(record(b'{"id":9,"total":1e400}'))
    assert (event.id, event.data) == ("9", msgspec.Raw(b'{"id":9,"total":1e400}'))
    with pytest.raises(Undecodable, match="Number out of range"):
        Outbox(id="field:total").decode(record(b'{"id":9,"total":1e400}'))


def test_a_place_holds_what_its_schema_makes_of_it() -> None:
    """Columns that the router puts into the envelope: their types are those of the database."""
    column = {
        "id": {"type": "string", "name": "io.debezium.data.Uuid"},
        "at": {"type": "int64", "name": "io.debezium.time.MicroTimestamp"},
        "payload": {"type": "string", "name": "io.debezium.data.Json"},
    }
    fields = [{**type_, "field": name} for name, type_ in column.items()]
    payload = {"id": UUID(int=7), "at": 1793530800000000, "payload": '{"total":3}'}
    value = {"schema": {"type": "struct", "fields": fields}, "payload": payload}
    codec = Outbox(id="field:id", time="field:at", data="field:payload")
    event = codec.decode(record(msgspec.json.encode(value)))
    assert (event.id, event.decode(dict)) == (str(UUID(int=7)), PLACED)
    assert event.time == datetime(2026, 11, 1, 11, tzinfo=UTC)


def test_data_can_only_have_a_field() -> None:
    with pytest.raises(Misconfigured, match="is no place for data: write field:NAME"):
        Outbox(data="key")


@pytest.mark.parametrize(
    "data", [b'{"schema":"v1"}', b'{"schema":"v1","payload":1}', b'{"schema":{},"x":1}']
)
def test_data_whose_first_member_is_called_schema_are_data(data: bytes) -> None:
    assert Outbox().decode(record(data)).data == msgspec.Raw(data)


@pytest.mark.parametrize("value", [None, b"null", b'{"schema":null,"payload":null}'])
def test_an_event_without_payload_is_one_of_its_type(value: bytes | None) -> None:
    event = Outbox().decode(record(value))
    assert (event.type, event.id, event.is_tombstone) == ("OrderPlaced", "7", True)


def test_what_has_neither_value_nor_type_is_a_tombstone() -> None:
    event = Outbox().decode(record(None, (), b'"order-1"'))
    assert (event.type, event.aggregate_id) == ("tombstone", "order-1")


def test_without_a_key_it_is_about_nothing() -> None:
    assert Outbox().decode(record(b"{}", key=None)).aggregate_id == ""


@pytest.mark.parametrize(
    ("value", "headers", "why"),
    [
        (b"{}", (), "no id at header:id"),
        (b"{}", [("id", b"7")], "no type at header:eventType"),
        (b"{}", [*HEADERS, ("id", b"8")], "the header id is repeated"),
        (b"{}", [("id", b"\xff")], "the header id is not UTF-8"),
        (b"{}", [*HEADERS, ("eventVersion", b"4111-1111-1111-1111")], "not a whole number"),
        (b'{"schema":{"type":"string"},"payload":', HEADERS, "truncated"),
        (b'"4111-1111-1111-1111', HEADERS, "truncated"),
        (b"\x00\x00\x00\x00\x05abc", HEADERS, "names a schema of a registry"),
    ],
)
def test_what_is_no_event_is_undecodable(value: bytes, headers: Headers, why: str) -> None:
    with pytest.raises(Undecodable, match=why) as raised:
        Outbox().decode(record(value, headers))
    assert SECRET not in str(raised.value)


def test_a_place_holds_text_or_a_number() -> None:
    with pytest.raises(Undecodable, match="at field:id is neither text nor a number"):
        Outbox(id="field:id").decode(record(b'{"id":[4111]}'))


def everything(event: Event) -> None:
    for name in ("id", "type", "aggregate_id"):
        getattr(event, name).encode()
    dict(event.metadata)
    if event.data is not None:
        event.decode(object)


members = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
objects = st.dictionaries(st.sampled_from(["schema", "payload", "id"]) | st.text(), members)
values = st.none() | st.binary() | (members | objects).map(msgspec.json.encode)
headers = st.lists(st.tuples(st.sampled_from(["id", "eventType", "eventVersion"]), st.binary()))


@settings(deadline=None)  # the machine may be busy
@given(value=values, key=values, headers=headers)
@pytest.mark.parametrize(
    "codec",
    [
        Outbox(),
        Outbox(id="field:id", data="field:payload"),
        Outbox(id="field:payload.id", time="field:payload.0", data="field:payload"),
    ],
)
def test_whatever_the_bytes_nothing_but_undecodable_is_raised(
    codec: Outbox, value: bytes | None, key: bytes | None, headers: Any
) -> None:
    try:
        everything(codec.decode(record(value, headers or HEADERS, key)))
    except Undecodable as raised:
        assert raised.offset == IntOffset(41)  # noqa: PT017 - most of these are events
