"""JSON of topics that others write."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.adapters.codecs.envelope import Envelope
from consumer.adapters.codecs.json import Json
from consumer.errors import Misconfigured, Undecodable
from consumer.model.event import Event
from consumer.model.position import IntOffset, Partition
from consumer.model.record import Record

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
CHANGE = b'{"op":"c","ts_ms":1793534400000,"source":{"lsn":99},"after":{"id":7,"name":"Ann"}}'
DEBEZIUM = Json(
    type="field:op",
    id="field:source.lsn",
    aggregate_id="field:after.id",
    time="field:ts_ms",
    data="field:after",
)
Headers = Sequence[tuple[str, bytes | None]]


def record(value: bytes | None, headers: Headers = (), key: bytes | None = b"the key") -> Record:
    return Record(Partition("orders", 3), IntOffset(41), key, value, headers, NOON)


def dated(written: str, place: str = "header:at") -> Event:
    return Json(type="const:x", time=place).decode(record(b"{}", [("at", written.encode())]))


def test_of_more_digits_than_microseconds_have_a_time_is_rounded_wherever_it_stands() -> None:
    midnight = datetime(2026, 11, 2, tzinfo=UTC)
    written = "2026-11-01T23:59:59.9999999Z"
    value = b'{"id":"1","type":"x","at":"%b","time":"%b"}' % (written.encode(), written.encode())
    assert dated(written).time == midnight
    assert Json(type="const:x", time="field:at").decode(record(value)).time == midnight
    assert Envelope().decode(record(value)).time == midnight


def test_without_places_the_record_says_it_all() -> None:
    event = Json(type="const:changed").decode(record(b'{"a":1}', [("traceparent", b"00-1")]))
    assert (event.type, event.id, event.aggregate_id) == ("changed", "orders/3:41", "the key")
    assert (event.version, event.sequence, event.time) == (1, None, NOON)
    assert event.decode(object) == {"a": 1}
    assert event.metadata == {"traceparent": "00-1"}


def test_fields_may_be_nested_and_overlap_the_data() -> None:
    event = DEBEZIUM.decode(record(CHANGE))
    assert (event.type, event.id, event.aggregate_id) == ("c", "99", "7")
    assert event.time == NOON
    assert event.decode(object) == {"id": 7, "name": "Ann"}


def test_headers_the_key_and_constants_are_places() -> None:
    codec = Json(type="header:kind", id="key", aggregate_id="const:all", version="header:v")
    event = codec.decode(record(b"[]", [("v", b"4"), ("kind", b"changed")]))
    assert (event.type, event.id, event.aggregate_id, event.version) == (
        "changed",
        "the key",
        "all",
        4,
    )


def test_a_field_may_have_any_name() -> None:
    codec = Json(type="field:@type", id="field:a b.class", aggregate_id="field:été")
    event = codec.decode(record('{"@type":"x","a b":{"class":1},"été":"é"}'.encode()))
    assert (event.type, event.id, event.aggregate_id) == ("x", "1", "é")


def test_a_number_is_an_index_of_an_array() -> None:
    value = b'{"types":["urn:message:Shop:OrderPlaced",{"a":[]}],"ids":[[1,2],[3,"4"]]}'
    codec = Json(type="field:types.0", id="field:ids.1.1", aggregate_id="field:ids.0.1")
    event = codec.decode(record(value))
    assert (event.type, event.id, event.aggregate_id) == ("urn:message:Shop:OrderPlaced", "4", "2")


def test_the_value_itself_may_be_an_array() -> None:
    event = Json(type="field:0", data="field:2").decode(record(b'["placed",[],{"cents":3},9]'))
    assert (event.type, event.decode(object)) == ("placed", {"cents": 3})


def test_digits_that_are_no_index_are_a_name() -> None:
    event = Json(type="field:a.07", id="field:-1").decode(record(b'{"a":{"07":"x"},"-1":"y"}'))
    assert (event.type, event.id) == ("x", "y")


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (b'{"types":[]}', "no type at field:types.0"),
        (b'{"types":[null]}', "no type at field:types.0"),
        (b'{"types":null}', "no type at field:types.0"),
        (b'{"types":[["4111"]]}', r"got `array` - at `\$.types\[0\]`"),
        (b'{"types":{"0":"4111"}}', r"got `object` - at `\$.types`"),
        (b'{"types":"4111"}', r"got `str` - at `\$.types`"),
    ],
)
def test_what_is_not_in_its_array_is_undecodable(value: bytes, why: str) -> None:
    with pytest.raises(Undecodable, match=why) as raised:
        Json(type="field:types.0").decode(record(value))
    assert "4111" not in str(raised.value)


@pytest.mark.parametrize("index", ["100", "9" * 5_000])
def test_an_index_ends_at_99(index: str) -> None:
    Json(type="field:types.99")
    with pytest.raises(Misconfigured, match="beyond the last index of an array that is looked at"):
        Json(type=f"field:types.{index}")


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\x00b", "a.\n", "\ud800"])
def test_a_name_that_json_escapes_cannot_be_asked_for(name: str) -> None:
    with pytest.raises(Misconfigured, match="is no field that can be asked for"):
        Json(type=f"field:{name}")


def test_a_place_is_an_array_or_an_object() -> None:
    with pytest.raises(Misconfigured, match="0 and id are asked for in one place"):
        Json(type="field:it.0", id="field:it.id")


@pytest.mark.parametrize(
    ("codec", "why"),
    [
        (Json(type="field:kind"), "no type at field:kind"),
        (Json(type="field:kind.name"), "no type at field:kind.name"),
        (Json(type="header:kind"), "no type at header:kind"),
        (Json(type="const:x", id="header:empty"), "no id at header:empty"),
        (Json(type="const:x", id="header:none"), "no id at header:none"),
        (Json(type="const:x", aggregate_id="field:null"), "no aggregate id at field:null"),
        (Json(type="const:x", aggregate_id="header:twice"), "the header twice is repeated"),
        (Json(type="header:odd"), "the header odd is not UTF-8"),
        (Json(type="field:list"), r"got `array` - at `\$.list`"),
        (Json(type="field:yes"), r"got `bool` - at `\$.yes`"),
        (Json(type="field:list.name"), r"got `array` - at `\$.list`"),
        (Json(type="const:x", version="header:word"), "the version is not a whole number"),
        (Json(type="const:x", version="field:half"), "the version is not a whole number"),
        (Json(type="const:x", version="field:minus"), "the version is not a whole number"),
    ],
)
def test_what_has_a_place_must_be_there_and_be_right(codec: Json, why: str) -> None:
    value = b'{"null":null,"list":[],"yes":true,"half":1.5,"minus":-1}'
    headers = [
        ("twice", b"1"),
        ("twice", b"1"),
        ("odd", b"\xff"),
        ("empty", b""),
        ("none", None),
        ("word", b"4111-1111"),
    ]
    with pytest.raises(Undecodable, match=why) as raised:
        codec.decode(record(value, headers))
    assert "4111" not in str(raised.value)


def test_a_place_in_the_key_needs_a_key() -> None:
    with pytest.raises(Undecodable, match="no aggregate id at key"):
        Json(type="const:x", aggregate_id="key").decode(record(b"{}", key=None))
    assert Json(type="const:x").decode(record(b"{}", key=None)).aggregate_id == ""


def test_version_time_and_data_may_be_missing() -> None:
    codec = Json(type="const:x", version="header:v", time="field:at", data="field:after")
    for value in (b"{}", b'{"at":null,"after":null}'):
        event = codec.decode(record(value))
        assert (event.version, event.time, event.data) == (1, NOON, None)


@pytest.mark.parametrize(
    "written",
    [
        "2026-11-01T12:00:00Z",
        "2026-11-01 13:00:00+01:00",
        "2026-11-01T12:00",
        "1793534400",
        "1793534400000",
        "1793534400000000",
    ],
)
def test_a_time_is_iso_8601_or_a_number(written: str) -> None:
    assert dated(written).time == NOON


@pytest.mark.parametrize(
    "number", [b"1793534400", b"1793534400.0", b"1793534400000", b"1793534400000000"]
)
def test_a_time_in_a_field_may_be_a_number(number: bytes) -> None:
    codec = Json(type="const:x", time="field:at")
    assert codec.decode(record(b'{"at":%b}' % number)).time == NOON


def test_eight_digits_are_a_day_and_a_small_number_is_early() -> None:
    assert dated("20261101").time == datetime(2026, 11, 1, tzinfo=UTC)
    codec = Json(type="const:x", time="field:at")
    assert codec.decode(record(b'{"at":0}')).time == datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("written", ["noon", "4111-1111", "9" * 18, "9" * 30, "", "2026-13-01"])
def test_another_time_is_undecodable(written: str) -> None:
    with pytest.raises(Undecodable, match="the time is neither") as raised:
        dated(written)
    assert "4111" not in str(raised.value)


@pytest.mark.parametrize("number", [b"1e300", b"-1e18", b"18446744073709551615"])
def test_a_time_beyond_the_calendar_is_undecodable(number: bytes) -> None:
    with pytest.raises(Undecodable, match="the time is neither"):
        Json(type="const:x", time="field:at").decode(record(b'{"at":%b}' % number))


def test_a_tombstone_says_what_its_headers_say() -> None:
    codec = Json(type="header:kind", id="field:id", aggregate_id="header:customer")
    event = codec.decode(record(None, [("kind", b"deleted"), ("customer", b"7")], key=b"\xff"))
    assert (event.type, event.id, event.aggregate_id) == ("deleted", "orders/3:41", "7")
    assert event.is_tombstone


def test_a_tombstone_has_a_type_of_its_own_where_the_type_is_a_constant() -> None:
    assert Json(type="const:changed").decode(record(None)).type == "tombstone"


@pytest.mark.parametrize("place", ["", "x", "header:", "const:", "field:", "field:a..b", "key:x"])
def test_a_place_that_is_none_is_misconfigured(place: str) -> None:
    with pytest.raises(Misconfigured, match="is no place in a record: write header:NAME"):
        Json(type=place)


@pytest.mark.parametrize(("one", "other"), [("field:a", "field:a.b"), ("field:a.b", "field:a")])
def test_a_field_is_not_both_an_object_and_a_value(one: str, other: str) -> None:
    with pytest.raises(Misconfigured, match="as an object and as a value"):
        Json(type=one, id=other)


def test_data_can_only_have_a_field() -> None:
    with pytest.raises(Misconfigured, match="is no place for data: write field:NAME"):
        Json(type="const:x", data="key")


MEMBERS = ("type", "id", "about", "v", "at", "data")
ODD_VALUES = st.sampled_from(
    [
        *('"x"', '""', "0", "7", "-3", "1.5", "true", "null", "[]", '{"a":1}', '"7"', '"-3"'),
        *("1793534400", "1793534400000", "1793534400000000", "1e400", '"1793534400000"'),
        *('"2026-11-01T12:00:00Z"', '"2026-11-01T12:00:00"', '"2026-11-01 12:00:00+01:00"'),
        *('"2026-11-01"', '"20261101"', '"2026-11-01T24:00:00Z"', '"\\ud800"', '"2026-11-01T12:00:00.1234567Z"'),
        *("12345678901234567890", "{", '"unended'),
    ]
)  # fmt: skip


@given(
    members=st.lists(st.tuples(st.sampled_from(MEMBERS), ODD_VALUES), max_size=8),
    places=st.fixed_dictionaries(
        {"type": st.sampled_from(["field:type", "const:changed"])},
        optional={
            "id": st.sampled_from(["field:id", "const:1"]),
            "aggregate_id": st.just("field:about"),
            "version": st.just("field:v"),
            "time": st.just("field:at"),
            "data": st.just("field:data"),
        },
    ),
)
def test_a_value_is_the_same_event_whether_it_is_read_in_one_pass_or_place_by_place(
    members: list[tuple[str, str]], places: dict[str, str]
) -> None:
    codec, slow = Json(**places), Json(**places)
    slow._typed = None
    value = "{" + ",".join(f'"{name}":{written}' for name, written in members) + "}"
    read = [outcome(each, record(value.encode())) for each in (codec, slow)]
    assert read[0] == read[1]


def outcome(codec: Json, given: Record) -> object:
    try:
        return codec.decode(given)
    except Undecodable as cause:
        return str(cause)


def test_one_pass_reads_what_is_written_as_most_write_it(monkeypatch: pytest.MonkeyPatch) -> None:
    codec = Json(type="field:type", id="field:id", version="field:v", time="field:at")
    monkeypatch.setattr(codec, "_by_place", None)
    event = codec.decode(record(b'{"v":2,"type":"x","id":7,"at":"2026-11-01T12:00:00Z"}'))
    assert (event.type, event.id, event.version, event.time) == ("x", "7", 2, NOON)
    numbered = codec.decode(record(b'{"type":"x","id":"7","at":1793534400000}'))
    assert (numbered.id, numbered.version, numbered.time) == ("7", 1, NOON)
    texts = codec.decode(record(b'{"type":"x","id":"7","v":"2","at":"2026-11-01T12:00:00"}'))
    assert (texts.version, texts.time) == (2, NOON)
