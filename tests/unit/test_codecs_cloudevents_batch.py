"""CloudEvents batched: a JSON array of events in one record."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.adapters.codecs.cloudevents import CloudEvents
from consumer.errors import Undecodable
from consumer.model.event import Event, parts
from consumer.model.position import IntOffset, Partition
from consumer.model.record import Record

BATCH = [("content-type", b"application/cloudevents-batch+json")]
PLACED = {"specversion": "1.0", "id": "1", "source": "/shop", "type": "placed"}
PAID = PLACED | {"id": "2", "type": "paid", "subject": "order-1", "sequence": "7", "tenant": "eu"}
NO_TYPE = {name: value for name, value in PLACED.items() if name != "type"}
Headers = Sequence[tuple[str, bytes | None]]


def decoded(value: bytes, headers: Headers = BATCH, **limit: int) -> Sequence[Event]:
    record = Record(Partition("orders", 3), IntOffset(41), b"the key", value, headers, None)
    return parts(CloudEvents(**limit).decode(record))


def batched(*events: object) -> bytes:
    return msgspec.json.encode(events)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (batched(PLACED, NO_TYPE), "event 2 of 2: no CloudEvent: .* missing required field `type`"),
        (batched(PLACED, PLACED | {"specversion": "0.3"}), "event 2 of 2: the specversion"),
        (batched(PLACED | {"data": 1, "data_base64": "MQ=="}), "event 1 of 1: it has both data"),
        (batched(PLACED, 7), "event 2 of 2: it is no JSON object"),
        (batched(PLACED, None), "event 2 of 2: it is no JSON object"),
        (batched([PLACED]), "event 1 of 1: it is no JSON object"),
        (batched(PLACED)[:-1], "no batch of CloudEvents: Input data was truncated"),
        (batched(PLACED) + b"]", "no batch of CloudEvents: JSON is malformed"),
        (b"[" * 100_000, "no batch of CloudEvents: the data is nested too deep"),
        (b"[\xff]", "no batch of CloudEvents: JSON is malformed"),
        (b"7", "no CloudEvent: Expected `object`, got `int`"),
        (b"", "no CloudEvent: Input data was truncated"),
    ],
)
def test_what_is_wrong_with_one_event_is_said_of_the_record(value: bytes, why: str) -> None:
    with pytest.raises(Undecodable, match=why) as raised:
        decoded(value)
    assert (raised.value.partition, raised.value.offset) == (Partition("orders", 3), IntOffset(41))
    assert str(raised.value).count("sha256:") == 1


def test_a_batch_that_is_too_large_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(Undecodable, match="the limit is 10"):
        decoded(batched(PLACED), max_bytes=10)


@pytest.mark.parametrize("member", [b"0", b"{}"])
def test_many_members_that_are_no_events_are_not_taken_apart(member: bytes) -> None:
    value = b"[" + b",".join([member] * 300_000) + b"]"
    tracemalloc.start()
    with pytest.raises(Undecodable, match=r"no batch of CloudEvents: .* at `\$\[0\]`"):
        decoded(value)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000  # where they are, 30 MB


def test_a_large_batch_is_read_whole() -> None:
    value = batched(*[PLACED | {"id": str(number)} for number in range(3000)])
    assert len(value) > 100_000
    assert [each.id for each in decoded(value)] == [str(number) for number in range(3000)]


def test_the_metadata_hold_no_header_that_the_record_has_not() -> None:
    (event,) = decoded(batched(PAID), [])
    assert dict(event.metadata) == {"specversion": "1.0", "source": "/shop", "tenant": "eu"}


def test_no_reason_quotes_the_payload() -> None:
    secret = PLACED | {"id": 4111_1111}
    for value in (batched(PLACED, secret), batched("4111-1111"), b"[4111-1111]"):
        with pytest.raises(Undecodable) as raised:
            decoded(value)
        assert "4111" not in str(raised.value)


def test_an_empty_batch_holds_no_event() -> None:
    assert list(decoded(b"[]")) == []
    assert list(decoded(b" [ ] ")) == []


def test_each_event_is_as_if_it_stood_alone_in_the_record() -> None:
    headers = [*BATCH, ("region", b"eu"), ("tenant", b"header")]
    events = [PLACED | {"data": {"n": 1}}, PAID | {"data": None}, PAID | {"data_base64": "Mw=="}]

    found = decoded(batched(*events), headers)

    alone = [*decoded(batched(events[0])[1:-1], [("content-type", BATCH[0][1]), *headers[1:]])]
    alone += decoded(batched(events[1])[1:-1], headers)
    alone += decoded(batched(events[2])[1:-1], headers)
    assert [each.part for each in found] == [0, 1, 2]
    assert [_told(each) for each in found] == [_told(each) for each in alone]
    assert found[0].aggregate_id == "the key"
    assert (found[1].aggregate_id, found[1].sequence) == ("order-1", 7)
    assert found[1].metadata["tenant"] == "eu"  # an attribute hides a header of its name
    assert found[1].metadata["region"] == "eu"
    assert found[2].decode(int) == 3


@pytest.mark.parametrize(
    "headers",
    [
        [],
        BATCH,
        [("content-type", b"application/cloudevents-batch+json; charset=utf-8")],
        [("content-type", b"Application/CloudEvents-Batch+JSON")],
        [("content-type", b"application/cloudevents+json")],
        [("ce_id", b"not this"), *BATCH],
        [("odd", b"\xff"), *BATCH],
    ],
)
def test_the_value_tells_a_batch_from_an_event_whatever_the_header_is(headers: Headers) -> None:
    assert [each.id for each in decoded(batched(PLACED, PAID), headers)] == ["1", "2"]
    assert [each.id for each in decoded(msgspec.json.encode(PAID), headers)] == ["2"]


def test_an_array_under_attributes_is_the_data_of_one_event() -> None:
    headers = [(f"ce_{name}", value.encode()) for name, value in PLACED.items()]
    (event,) = decoded(b"[1,2]", headers)
    assert event.decode(list) == [1, 2]


@settings(deadline=None)  # the machine may be busy
@given(st.binary(), st.booleans())
def test_any_bytes_are_events_or_undecodable(content: bytes, is_array: bool) -> None:
    whole = batched(PLACED, PAID)
    for value in (b"[" + content, content + whole, whole[: len(content)] + content):
        try:
            for event in decoded(value, BATCH if is_array else []):
                dict(event.metadata)
        except Undecodable:
            pass


def _told(event: Event) -> tuple[object, ...]:
    data = None if event.data is None else bytes(event.data)
    return event.id, event.type, event.aggregate_id, event.sequence, data, dict(event.metadata)
