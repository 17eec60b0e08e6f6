"""The nouns: places, names, starts and events."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.errors import Misconfigured, Undecodable
from consumer.model.event import Batch, Event
from consumer.model.names import validated_name
from consumer.model.position import Fence, IntOffset, Offset, Partition, StreamOffset
from consumer.model.start import BEGINNING, Start

NATURAL = st.integers(0, 2**64 - 1)
OFFSETS = st.one_of(
    st.integers(-1, 2**63 - 1).map(IntOffset), st.builds(StreamOffset, NATURAL, NATURAL)
)
PARTITION = Partition("orders", 3)


@given(OFFSETS)
def test_an_offset_reads_back_what_it_prints(offset: Offset) -> None:
    assert Offset.parse(str(offset)) == offset


@given(st.builds(StreamOffset, NATURAL, NATURAL), st.builds(StreamOffset, NATURAL, NATURAL))
def test_stream_offsets_are_ordered_by_time_and_then_by_sequence(
    a: StreamOffset, b: StreamOffset
) -> None:
    assert (a < b) == ((a.milliseconds, a.sequence) < (b.milliseconds, b.sequence))


def test_offsets_of_different_kinds_are_never_ordered() -> None:
    with pytest.raises(TypeError):
        assert IntOffset(1) < StreamOffset(1, 0)  # type: ignore[operator]
    assert IntOffset(1) != StreamOffset(1, 0)  # type: ignore[comparison-overlap]


def test_zero_is_the_place_before_the_first_event() -> None:
    assert IntOffset(7).zero == IntOffset(-1)
    assert StreamOffset(7, 7).zero == StreamOffset(0, 0)
    assert IntOffset(-1).is_zero
    assert not IntOffset(0).is_zero
    with pytest.raises(TypeError):
        _ = Offset().zero


def test_the_previous_offset_is_the_one_right_before() -> None:
    assert IntOffset(0).previous == IntOffset(-1)
    assert StreamOffset(5, 3).previous == StreamOffset(5, 2)
    assert StreamOffset(5, 0).previous == StreamOffset(4, 2**64 - 1)
    assert StreamOffset(0, 0).previous == StreamOffset(0, 0)
    with pytest.raises(TypeError):
        _ = Offset().previous


@pytest.mark.parametrize(
    ("offset", "following"),
    [
        (IntOffset(-1), IntOffset(0)),
        (StreamOffset(5, 3), StreamOffset(5, 4)),
        (StreamOffset(4, 2**64 - 1), StreamOffset(5, 0)),
    ],
)
def test_the_next_offset_is_the_one_right_behind(offset: Offset, following: Offset) -> None:
    assert offset.next == following
    assert following.previous == offset
    with pytest.raises(TypeError):
        _ = Offset().next


def test_an_offset_is_shown_as_the_brokers_own_tools_print_it() -> None:
    assert str(IntOffset(41).shown) == "42"  # the one that Kafka's group reads next
    assert str(StreamOffset(5, 3).shown) == "5-3"  # the one that Redis' group was given last
    with pytest.raises(TypeError):
        _ = Offset().shown


@pytest.mark.parametrize("text", ["", "x", "1-", "-", "-2", "1-2-3", "1.5", "٣", "+1", " 1"])
def test_what_is_no_offset_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no place in a log"):
        Offset.parse(text)


def test_a_partition_reads_back_what_it_prints() -> None:
    odd = Partition("a/b", 12)
    assert Partition.parse(str(odd)) == odd
    for text in ("orders", "/3", "orders/x"):
        with pytest.raises(ValueError):
            Partition.parse(text)


@pytest.mark.parametrize("name", ["orders", "orders@2", "a", "Orders_v2.daily-x", "9"])
def test_names_of_projections(name: str) -> None:
    assert validated_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "orders@0", "orders@", "a b", "a:b", "{a}", "-a", "a/b", "a" * 101, "orders\n", None],
)
def test_what_cannot_name_a_projection_is_refused(name: str) -> None:
    with pytest.raises(Misconfigured, match="cannot name a projection"):
        validated_name(name)


def test_places_to_start_from() -> None:
    assert Start.parse("beginning") is BEGINNING
    assert Start.parse("end") == Start("end")
    assert Start.parse("group:billing") == Start("group", group="billing")
    time = Start.parse("2026-11-01T00:00:00Z")
    assert time == Start("time", time=datetime(2026, 11, 1, tzinfo=UTC))
    for text in ("beginning", "end", "group:billing", "2026-11-01T00:00:00+00:00"):
        assert str(Start.parse(text)) == text


@pytest.mark.parametrize("text", ["", "start", "group:", "2026-11-01T00:00:00", "2026"])
def test_what_is_no_place_to_start_from_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no place to start"):
        Start.parse(text)


class Order(msgspec.Struct):
    total: int


def an_event(data: object) -> Event:
    return Event("1", "OrderPlaced", "o-1", PARTITION, IntOffset(42), data)


def test_an_events_data_is_decoded_when_it_is_asked_for() -> None:
    assert an_event(msgspec.Raw(b'{"total": 5}')).decode(Order) == Order(5)
    assert an_event({"total": 5}).decode(Order) == Order(5)
    assert an_event(msgspec.Raw(b"[1, 2]")).decode(list[int]) == [1, 2]


@pytest.mark.parametrize(
    "data",
    [
        b'{"total": 5',
        b'{"total": ' + b"9" * 5000 + b"}",
        b'{"total": NaN}',
        b'{"total": 1, "note": "\xff"}',
        b'{"total": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"total": 1, "note": "\\ud800"}',
        b"\xef\xbb\xbf{}",
        '{"total": 1}'.encode("utf-16"),
        b"",
    ],
)
def test_data_that_is_not_what_was_asked_for_is_undecodable_and_named_without_the_payload(
    data: bytes,
) -> None:
    with pytest.raises(Undecodable, match=r"orders/3 at offset 42: OrderPlaced as \w+: .*sha256:"):
        an_event(msgspec.Raw(data)).decode(dict)


def test_data_that_is_decoded_already_has_no_payload_to_name() -> None:
    with pytest.raises(Undecodable) as refusal:
        an_event({"total": "much"}).decode(Order)
    assert "payload" not in str(refusal.value)


def test_which_event_of_its_record_it_is_that_cannot_be_decoded_is_told() -> None:
    third = msgspec.structs.replace(an_event(msgspec.Raw(b"{}")), part=2)
    with pytest.raises(Undecodable, match="at offset 42: event 3 of its record, OrderPlaced as"):
        third.decode(Order)


def test_a_tombstone_has_no_data_to_decode() -> None:
    assert an_event(None).is_tombstone
    with pytest.raises(Undecodable, match="a tombstone has no data"):
        an_event(None).decode(Order)


def test_events_and_batches_print_their_place_and_never_their_data() -> None:
    event = an_event(msgspec.Raw(b'{"card": "4111"}'))
    batch = Batch(PARTITION, [event], Fence("p", PARTITION, 1, IntOffset(41), IntOffset(42)))
    assert "4111" not in f"{event!r} {event} {batch!r} {batch} {[event]}"
    assert list(batch) == [event]
    assert len(batch) == 1
