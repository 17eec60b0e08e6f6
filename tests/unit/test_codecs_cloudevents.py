"""CloudEvents in the three ways that a record can carry them."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.adapters.codecs.cloudevents import CloudEvents
from consumer.errors import Undecodable
from consumer.model.event import Event
from consumer.model.outgoing import Outgoing
from consumer.model.position import IntOffset, Partition
from consumer.model.record import Record

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
REQUIRED = {"specversion": "1.0", "id": "7", "source": "/shop", "type": "placed"}
FULL = REQUIRED | {
    "subject": "order-1",
    "time": "2026-11-01T12:00:00Z",
    "schemaversion": "3",
    "sequence": "12",
    "traceparent": "00-1",
}
Headers = Sequence[tuple[str, bytes | None]]


def decoded(value: bytes | None, headers: Headers = (), *, key: bytes | None = b"the key") -> Event:
    return CloudEvents().decode(
        Record(Partition("orders", 3), IntOffset(41), key, value, headers, None)
    )


def structured(members: Mapping[str, Any], headers: Headers = ()) -> Event:
    return decoded(msgspec.json.encode(members), headers)


def in_headers(prefix: str, attributes: Mapping[str, str]) -> list[tuple[str, bytes | None]]:
    return [(prefix + name, value.encode()) for name, value in attributes.items()]


def carried(how: str, attributes: Mapping[str, str]) -> Event:
    """The same event with the data 3, in each of the three ways."""
    if how == "structured":
        return structured(dict(attributes) | {"data": 3})
    return decoded(b"3", in_headers("ce_" if how == "binary" else "", attributes))


three_ways = pytest.mark.parametrize("how", ["structured", "binary", "stream"])


@three_ways
def test_all_attributes_arrive(how: str) -> None:
    event = carried(how, FULL)
    assert (event.id, event.type, event.aggregate_id) == ("7", "placed", "order-1")
    assert (event.version, event.sequence, event.time) == (3, 12, NOON)
    assert event.decode(int) == 3
    assert dict(event.metadata) == {"specversion": "1.0", "source": "/shop", "traceparent": "00-1"}


@three_ways
def test_what_is_optional_has_a_default(how: str) -> None:
    event = carried(how, REQUIRED)
    assert (event.aggregate_id, event.version, event.sequence, event.time) == (
        "the key",
        1,
        None,
        None,
    )


@three_ways
@pytest.mark.parametrize("name", REQUIRED)
def test_what_is_required_must_be_there(how: str, name: str) -> None:
    # Fields of a stream without a specversion are no CloudEvent's, and the value is the event.
    is_data_alone = (how, name) == ("stream", "specversion")
    why = "no CloudEvent" if is_data_alone else f"missing required field `{name}`"
    with pytest.raises(Undecodable, match=why):
        carried(how, {key: value for key, value in REQUIRED.items() if key != name})


@three_ways
@pytest.mark.parametrize("name", ["id", "source", "type"])
def test_what_is_required_must_not_be_empty(how: str, name: str) -> None:
    with pytest.raises(Undecodable, match=rf"length >= 1 - at `\$.{name}`"):
        carried(how, REQUIRED | {name: ""})


@three_ways
@pytest.mark.parametrize("specversion", ["0.3", "2.0", "", "1"])
def test_only_versions_1_x_of_the_specification_are_understood(how: str, specversion: str) -> None:
    with pytest.raises(Undecodable, match=r"the specversion is not 1\.x"):
        carried(how, REQUIRED | {"specversion": specversion})


@three_ways
def test_a_later_1_x_is_understood(how: str) -> None:
    assert carried(how, REQUIRED | {"specversion": "1.1"}).id == "7"


@three_ways
@pytest.mark.parametrize("version", ["two", "", "-1", "1.5", "9" * 19, "٣"])
def test_a_schema_version_is_a_whole_number(how: str, version: str) -> None:
    with pytest.raises(Undecodable, match="the schemaversion is not a whole number"):
        carried(how, REQUIRED | {"schemaversion": version})


@three_ways
@pytest.mark.parametrize("sequence", ["a7", "-1", "9" * 19])
def test_a_sequence_that_is_no_whole_number_stays_in_the_metadata(how: str, sequence: str) -> None:
    event = carried(how, REQUIRED | {"sequence": sequence})
    assert event.sequence is None
    assert event.metadata["sequence"] == sequence


@three_ways
@pytest.mark.parametrize("time", ["noon", "2026-11-01", "2026-11-01T12:00:00"])
def test_a_time_has_a_zone(how: str, time: str) -> None:
    with pytest.raises(Undecodable, match="datetime"):
        carried(how, REQUIRED | {"time": time})


@three_ways
def test_an_empty_subject_is_none(how: str) -> None:
    assert carried(how, REQUIRED | {"subject": ""}).aggregate_id == "the key"


def test_without_subject_and_key_the_aggregate_id_is_empty() -> None:
    assert decoded(msgspec.json.encode(REQUIRED), key=None).aggregate_id == ""


def test_a_key_that_would_be_the_aggregate_id_must_be_text() -> None:
    with pytest.raises(Undecodable, match="the key is not UTF-8"):
        decoded(msgspec.json.encode(REQUIRED), key=b"\xff")
    assert decoded(msgspec.json.encode(FULL), key=b"\xff").aggregate_id == "order-1"


@pytest.mark.parametrize("sequence", [1.5, 7.0, True])
def test_a_sequence_of_json_that_is_no_whole_number_stays_in_the_metadata_too(
    sequence: float,
) -> None:
    event = structured(REQUIRED | {"sequence": sequence})
    assert event.sequence is None
    assert event.metadata["sequence"] == sequence


def test_integers_serve_as_schema_version_and_sequence() -> None:
    event = structured(REQUIRED | {"schemaversion": 2, "sequence": 5})
    assert (event.version, event.sequence) == (2, 5)


@pytest.mark.parametrize("version", [-1, 1.5, True, [1]])
def test_other_values_do_not_serve_as_a_schema_version(version: object) -> None:
    with pytest.raises(Undecodable, match=r"`\$.schemaversion`"):
        structured(REQUIRED | {"schemaversion": version})


def test_a_null_attribute_is_as_absent() -> None:
    optional = dict.fromkeys(["subject", "time", "schemaversion", "sequence", "data_base64"])
    event = structured(REQUIRED | optional)
    assert (event.aggregate_id, event.version) == ("the key", 1)


def test_the_broker_s_time_stands_in_for_a_missing_one() -> None:
    record = Record(Partition("orders", 3), IntOffset(41), None, b"3", time=NOON)
    value = msgspec.json.encode(REQUIRED)
    event = CloudEvents().decode(msgspec.structs.replace(record, value=value))
    assert event.time == NOON


@pytest.mark.parametrize(
    "content_type",
    [
        b"application/cloudevents+json",
        b"application/cloudevents+json; charset=UTF-8",
        b"Application/CloudEvents+JSON",
    ],
)
def test_the_content_type_says_that_the_value_is_the_event(content_type: bytes) -> None:
    headers: Headers = [("ce_type", b"not this"), ("content-type", content_type)]
    for order in (headers, headers[::-1]):
        event = structured(FULL, order)
        assert event.type == "placed"
        assert event.metadata["source"] == "/shop"


def test_the_headers_of_http_make_no_event_on_kafka() -> None:
    with pytest.raises(Undecodable, match="no CloudEvent: Expected `object`, got `int`"):
        decoded(b"3", in_headers("ce-", FULL))


def test_foreign_headers_do_not_make_a_value_less_of_an_event() -> None:
    event = structured(FULL, [("id", b"header"), ("source", b"header"), ("odd", b"\xff")])
    assert event.id == "7"
    assert event.metadata["source"] == "/shop"  # an attribute hides a header of its name
    assert event.metadata["odd"] == b"\xff"


@pytest.mark.parametrize("prefix", ["ce_", ""])
@pytest.mark.parametrize("name", sorted(FULL.keys() - {"traceparent"}))
def test_a_repeated_attribute_is_undecodable(prefix: str, name: str) -> None:
    headers = [*in_headers(prefix, FULL), (prefix + name, b"7")]
    with pytest.raises(Undecodable, match=f"the attribute {name} is repeated"):
        decoded(b"3", headers)


@pytest.mark.parametrize("prefix", ["ce_", ""])
def test_of_a_repeated_header_that_no_event_is_made_of_the_last_wins(prefix: str) -> None:
    headers = [*in_headers(prefix, FULL), (f"{prefix}traceparent", b"00-2")]
    assert decoded(b"3", headers).metadata["traceparent"] == "00-2"


@pytest.mark.parametrize("prefix", ["ce_", ""])
def test_an_attribute_in_a_header_is_text(prefix: str) -> None:
    headers = [*in_headers(prefix, REQUIRED), (f"{prefix}subject", b"\xff")]
    with pytest.raises(Undecodable, match="the attribute subject is not UTF-8"):
        decoded(b"3", headers)


@pytest.mark.parametrize("prefix", ["ce_", ""])
def test_a_header_without_value_is_as_absent(prefix: str) -> None:
    assert (
        decoded(b"3", [*in_headers(prefix, REQUIRED), (f"{prefix}schemaversion", None)]).version
        == 1
    )


@pytest.mark.parametrize("prefix", ["ce_", ""])
def test_a_value_of_none_under_attributes_is_an_event_without_data(prefix: str) -> None:
    event = decoded(None, in_headers(prefix, FULL))
    assert event.is_tombstone
    assert (event.type, event.aggregate_id, event.id) == ("placed", "order-1", "7")


def test_an_event_without_data_has_none() -> None:
    assert structured(FULL).data is None
    assert decoded(b"", in_headers("ce_", FULL)).data is None


@pytest.mark.parametrize(
    ("content_type", "is_json"),
    [
        ("application/json", True),
        ("application/json; charset=utf-8", True),
        ("application/vnd.shop.order+json", True),
        ("Text/JSON", True),
        ("application/xml", False),
        ("text/plain", False),
        ("", False),
    ],
)
def test_only_json_stays_raw(content_type: str, is_json: bool) -> None:
    kind = in_headers("", {"datacontenttype": content_type})
    in_binary = [*in_headers("ce_", FULL), ("content-type", content_type.encode())]
    in_stream = [*in_headers("", FULL), *kind]
    packed = {"datacontenttype": content_type, "data_base64": base64.b64encode(b"3").decode()}
    for event in (decoded(b"3", in_binary), decoded(b"3", in_stream), structured(FULL | packed)):
        assert isinstance(event.data, msgspec.Raw) is is_json
        assert bytes(event.data) == b"3"
        assert event.metadata["datacontenttype"] == content_type
        assert event.decode(int if is_json else bytes) == (3 if is_json else b"3")


def test_a_text_that_is_no_json_is_the_same_bytes_in_each_way() -> None:
    kind = {"datacontenttype": "text/plain; charset=utf-8"}
    as_text = structured(FULL | kind | {"data": 'said "3"'})
    in_binary = [*in_headers("ce_", FULL), ("content-type", b"text/plain; charset=utf-8")]
    assert as_text.data == decoded(b'said "3"', in_binary).data == b'said "3"'
    assert as_text.metadata == decoded(b"3", in_binary).metadata


@pytest.mark.parametrize("data", [{"n": 3}, [3], 3, None])
def test_other_values_under_a_content_type_that_is_not_json_are_json(data: object) -> None:
    event = structured(FULL | {"datacontenttype": "text/xml", "data": data})
    assert event.decode(object) == data


@pytest.mark.parametrize("text", [rb'"\ud800"', rb'"\x"', b'"\xff"'])
def test_a_text_must_be_one(text: bytes) -> None:
    value = msgspec.json.encode(FULL | {"datacontenttype": "text/plain", "data": 1})
    with pytest.raises(Undecodable):
        decoded(value.replace(b'"data":1', b'"data":%b' % text))


@pytest.mark.parametrize("kind", [7, ["text/plain"], True])
def test_a_content_type_is_text(kind: object) -> None:
    with pytest.raises(Undecodable, match=r"`\$.datacontenttype`"):
        structured(FULL | {"datacontenttype": kind})


def test_packed_data_is_json_where_no_content_type_says_otherwise() -> None:
    event = structured(FULL | {"data_base64": "Mw=="})
    assert event.decode(int) == 3
    assert "data_base64" not in event.metadata


@pytest.mark.parametrize("packed", ["Mw", "M w==", "4111-1111", "é"])
def test_packed_data_must_be_base64(packed: str) -> None:
    with pytest.raises(Undecodable, match="data_base64 is not base64") as raised:
        structured(FULL | {"data_base64": packed})
    assert "4111" not in str(raised.value)


def test_an_event_has_one_kind_of_data() -> None:
    with pytest.raises(Undecodable, match="both data and data_base64"):
        structured(FULL | {"data": 3, "data_base64": "Mw=="})


def test_metadata_is_read_when_asked_for_and_then_says_what_is_wrong() -> None:
    value = msgspec.json.encode(FULL).replace(b"00-1", b"\xff")
    event = decoded(value)  # nobody needs the extension yet
    with pytest.raises(Undecodable, match="an attribute of the CloudEvent: the text is not UTF-8"):
        event.metadata.get("traceparent")


def test_metadata_is_a_mapping_that_prints_no_values() -> None:
    metadata = carried("structured", FULL).metadata
    assert isinstance(metadata, Mapping)
    assert len(metadata) == 3
    assert "source" in metadata
    assert repr(metadata) == "<Metadata of orders/3:41>"
    with pytest.raises(KeyError):
        metadata["data"]


texts = st.text(min_size=1)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@settings(deadline=None)  # the machine may be busy
@given(
    id=texts,
    source=texts,
    type=texts,
    subject=texts,
    sequence=st.integers(0, 2**40),
    data=json_values,
)
def test_what_is_published_is_what_is_decoded(
    id: str, source: str, type: str, subject: str, sequence: int, data: object
) -> None:
    attributes = {
        "specversion": "1.0",
        "id": id,
        "source": source,
        "type": type,
        "subject": subject,
        "sequence": str(sequence),
    }
    outgoing = Outgoing(subject.encode(), attributes, msgspec.json.encode(data))
    for event in (
        decoded(outgoing.structured()),
        decoded(outgoing.data, in_headers("ce_", attributes)),
        decoded(outgoing.data, in_headers("", attributes)),
    ):
        assert (event.id, event.type, event.aggregate_id) == (id, type, subject)
        assert event.sequence == sequence
        assert event.metadata["source"] == source
        assert event.decode(object) == data
