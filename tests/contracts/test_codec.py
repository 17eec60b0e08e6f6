"""What every `Codec` must do, run on all of ours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.adapters.codecs.cloudevents import CloudEvents
from consumer.adapters.codecs.envelope import Envelope
from consumer.adapters.codecs.json import Json
from consumer.errors import Undecodable
from consumer.model.event import Event, parts
from consumer.model.position import IntOffset, Offset, Partition, StreamOffset
from consumer.model.record import Record
from consumer.ports.codec import Codec
from consumer.testing import assert_codec_holds

ORDERS = Partition("orders", 3)
SECRET = "4111-1111-1111-1111"
Headers = Sequence[tuple[str, bytes | None]]


class Total(msgspec.Struct):
    total: int


class Form(msgspec.Struct, frozen=True):
    """A codec, and how its producer writes data."""

    name: str
    codec: Callable[..., Codec]
    value: Callable[[bytes], bytes]
    headers: Headers = ()


def structured(data: bytes) -> bytes:
    return b'{"specversion":"1.0","id":"7","source":"/shop","type":"placed","data":%b}' % data


def enveloped(data: bytes) -> bytes:
    return b'{"id":"7","type":"placed","data":%b}' % data


def changed(data: bytes) -> bytes:
    return b'{"op":"placed","source":{"id":7},"after":%b}' % data


def bare(data: bytes) -> bytes:
    return data


def as_headers(prefix: str) -> Headers:
    attributes = {"specversion": b"1.0", "id": b"7", "source": b"/shop", "type": b"placed"}
    return tuple((prefix + name, value) for name, value in attributes.items())


def json_of_headers(**options: Any) -> Json:
    return Json(type="header:type", id="header:id", **options)


def json_of_fields(**options: Any) -> Json:
    return Json(type="field:op", id="field:source.id", data="field:after", **options)


FORMS = [
    Form("structured", CloudEvents, structured),
    Form("binary", CloudEvents, bare, as_headers("ce_")),
    Form("stream", CloudEvents, bare, as_headers("")),
    Form("envelope", Envelope, enveloped),
    Form("headers", json_of_headers, bare, (("type", b"placed"), ("id", b"7"))),
    Form("fields", json_of_fields, changed),
]

#: What stands where the data should be, and is no JSON of the type that the projector wants.
BAD_DATA = {
    "nested 100,000 deep": b"[" * 100_000 + b"]" * 100_000,
    "objects nested 100,000 deep": b'{"total":' * 100_000 + b"1" + b"}" * 100_000,
    "half a surrogate pair": b'{"total":"\\ud800"}',
    "an integer of 5,000 digits": b'{"total":%b}' % (b"1" * 5_000),
    "NaN": b'{"total":NaN}',
    "Infinity": b'{"total":-Infinity}',
    "a float beyond all floats": b'{"total":1e999}',
    "no UTF-8": b'{"total":"\xff\xfe"}',
    "a surrogate in UTF-8": b'{"total":"\xed\xa0\x80"}',
    "a raw NUL": b'{"total":"\x00"}',
    "cut off": b'{"total":',
    "nothing": b"",
    "another type": f'{{"total":"{SECRET}"}}'.encode(),
    "an array": b"[1,2]",
}

BAD_VALUES: dict[str, Callable[[bytes], bytes]] = {
    "UTF-16": lambda value: value.decode().encode("utf-16"),
    "UTF-16 without a mark": lambda value: value.decode().encode("utf-16-le"),
    "a byte order mark": lambda value: b"\xef\xbb\xbf" + value,
    "no JSON": lambda value: SECRET.encode(),
    "two values": lambda value: value + value,
    "an array in an array": lambda value: b"[[" + value + b"]]",
    "a string": lambda value: b'"' + SECRET.encode() + b'"',
    "cut off": lambda value: value[:-1],
}


@pytest.fixture(params=FORMS, ids=lambda form: form.name)
def form(request: pytest.FixtureRequest) -> Form:
    made: Form = request.param
    return made


def record(
    value: bytes | None,
    headers: Headers = (),
    *,
    key: bytes | None = b"order-1",
    offset: Offset = IntOffset(41),  # noqa: B008 - frozen
    fault: str | None = None,
) -> Record:
    time = datetime(2026, 11, 1, 12, tzinfo=UTC)
    return Record(ORDERS, offset, key, value, headers, time, fault)


def written(form: Form, data: bytes = b'{"total":3}') -> Record:
    return record(form.value(data), form.headers)


def everything(decoded: Event | Sequence[Event]) -> None:
    """All that a projector may ask of the events of a record, their data but for the type included."""
    for event in parts(decoded):
        for name in event.__struct_fields__:
            value = getattr(event, name)
            if isinstance(value, str):
                value.encode()
        dict(event.metadata)
        repr(event)
        event.decode(object)


def test_an_event_keeps_its_place(form: Form) -> None:
    for offset in (IntOffset(41), StreamOffset(1526919030474, 55)):
        it = record(form.value(b"1"), form.headers, offset=offset)
        event = form.codec().decode(it)
        assert (event.partition, event.offset, event.key) == (ORDERS, offset, b"order-1")


def test_an_event_is_what_its_producer_said(form: Form) -> None:
    event = form.codec().decode(written(form))
    assert (event.id, event.type, event.version) == ("7", "placed", 1)
    assert event.aggregate_id == "order-1"
    assert event.time == datetime(2026, 11, 1, 12, tzinfo=UTC)
    assert event.decode(Total) == Total(3)


def test_data_stays_raw_until_somebody_asks(form: Form) -> None:
    event = form.codec().decode(written(form))
    assert isinstance(event.data, msgspec.Raw)
    assert bytes(event.data) == b'{"total":3}'


def test_the_same_record_is_the_same_event(form: Form) -> None:
    one, other = (form.codec().decode(written(form)) for _ in range(2))
    assert msgspec.structs.replace(one, data=None, metadata={}) == msgspec.structs.replace(
        other, data=None, metadata={}
    )
    assert bytes(one.data) == bytes(other.data)
    assert dict(one.metadata) == dict(other.metadata)


def test_of_duplicate_keys_the_last_wins(form: Form) -> None:
    event = form.codec().decode(written(form, b'{"total":1,"total":2}'))
    assert event.decode(Total) == Total(2)


def test_nul_in_text_is_text(form: Form) -> None:
    event = form.codec().decode(written(form, b'{"name":"a\\u0000b"}'))
    assert event.decode(object) == {"name": "a\0b"}


def test_a_tombstone_is_an_event_about_its_key(form: Form) -> None:
    event = form.codec().decode(record(None))
    assert event.is_tombstone
    assert (event.type, event.id, event.aggregate_id) == ("tombstone", "orders/3:41", "order-1")


def test_a_tombstone_keeps_the_headers(form: Form) -> None:
    event = form.codec().decode(record(None, [("traceparent", b"00-1"), ("odd", b"\xff")]))
    assert dict(event.metadata) == {"traceparent": "00-1", "odd": b"\xff"}


def test_a_tombstone_whose_key_is_not_text_is_undecodable(form: Form) -> None:
    with pytest.raises(Undecodable, match="the key is not UTF-8"):
        form.codec().decode(record(None, key=b"\xff"))


def test_a_tombstone_without_a_key_is_about_nothing(form: Form) -> None:
    assert form.codec().decode(record(None, key=None)).aggregate_id == ""


def test_a_fault_is_undecodable_whatever_the_value(form: Form) -> None:
    it = record(form.value(b"1"), form.headers, fault="the name of a header is not UTF-8")
    with pytest.raises(Undecodable, match="the name of a header is not UTF-8"):
        form.codec().decode(it)


def test_a_value_over_the_cap_is_undecodable(form: Form) -> None:
    it = written(form, b'{"total":3,"padding":"%b"}' % (b"x" * 1_000))
    assert it.value is not None
    form.codec(max_bytes=len(it.value)).decode(it)
    with pytest.raises(Undecodable, match=rf"has {len(it.value)} bytes, and the limit is \d+"):
        form.codec(max_bytes=len(it.value) - 1).decode(it)


@pytest.mark.parametrize("bad", BAD_DATA)
def test_bad_data_is_undecodable_at_once_or_when_asked_for(form: Form, bad: str) -> None:
    it = written(form, BAD_DATA[bad])
    with pytest.raises(Undecodable) as raised:
        form.codec().decode(it).decode(Total)
    assert (raised.value.partition, raised.value.offset) == (ORDERS, IntOffset(41))
    assert "sha256:" in str(raised.value) or bad == "nothing"
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize("bad", BAD_VALUES)
def test_a_bad_value_is_undecodable_at_once_or_when_asked_for(form: Form, bad: str) -> None:
    value = BAD_VALUES[bad](form.value(b'{"total":3}'))
    with pytest.raises(Undecodable) as raised:
        form.codec().decode(record(value, form.headers)).decode(Total)
    assert (raised.value.partition, raised.value.offset) == (ORDERS, IntOffset(41))
    assert "sha256:" in str(raised.value)
    assert SECRET not in str(raised.value)


def test_it_holds_as_any_codec_must(form: Form) -> None:
    assert_codec_holds(form.codec(), written(form))


values = st.none() | st.binary() | st.text().map(str.encode)
names = st.sampled_from(
    ["specversion", "id", "source", "type", "subject", "time", "schemaversion", "sequence", "op"]
)
members = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
objects = st.dictionaries(
    names | st.sampled_from(["data", "data_base64", "version", "metadata", "after"]) | st.text(),
    st.sampled_from(["1.0", "7", "2026-11-01T12:00:00Z"]) | members,
).map(msgspec.json.encode)
header_names = names | names.map("ce_".__add__) | st.just("content-type") | st.text()
header_values = (
    st.none() | st.binary() | st.sampled_from([b"1.0", b"application/cloudevents+json", b"7"])
)


@settings(deadline=None)  # the machine may be busy
@given(
    value=values | objects,
    headers=st.lists(st.tuples(header_names, header_values), max_size=12),
    key=st.none() | st.binary(),
)
@pytest.mark.parametrize("codec", [form.codec() for form in FORMS], ids=[f.name for f in FORMS])
def test_whatever_the_bytes_nothing_but_undecodable_is_raised(
    codec: Codec, value: bytes | None, headers: list[tuple[str, bytes | None]], key: bytes | None
) -> None:
    try:
        everything(codec.decode(record(value, headers, key=key)))
    except Undecodable as raised:
        assert raised.partition == ORDERS  # noqa: PT017 - most of these are events


@settings(deadline=None)  # the machine may be busy
@given(st.data())
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_a_damaged_record_is_an_event_or_undecodable(form: Form, data: st.DataObject) -> None:
    value = bytearray(form.value(b'{"total":3}'))
    for _ in range(data.draw(st.integers(1, 3))):
        value[data.draw(st.integers(0, len(value) - 1))] = data.draw(st.integers(0, 255))
    try:
        everything(form.codec().decode(record(bytes(value), form.headers)))
    except Undecodable as raised:
        assert raised.partition == ORDERS  # noqa: PT017 - some of these are events
