"""LatestState: the newest event of each aggregate, and nothing loaded for it."""

from __future__ import annotations

import msgspec
import pytest

from consumer import Undecodable
from projectors import EventArchive, LatestState
from tests.unit.projectors.rooms import P, Recording, Room, batch, event


@pytest.mark.parametrize("data", [b'{"a":', b'"\xff"', b"\xff", b""])
def test_data_that_is_no_json_is_undecodable_and_nothing_is_written(data: bytes) -> None:
    transaction = Recording()
    broken = event("placed", msgspec.Raw(data), at=4, about="a")
    with pytest.raises(Undecodable) as raised:
        LatestState().project(batch(event("placed", {}, about="b"), broken), transaction)
    assert raised.value.offset == broken.offset
    assert not transaction.writes


def test_data_that_cannot_be_json_is_undecodable() -> None:
    odd = msgspec.structs.replace(event("placed", about="a"), data={"a": object()})
    with pytest.raises(Undecodable, match=r"cannot be written as JSON \(TypeError\)"):
        LatestState().project(batch(odd), Recording())


def test_of_a_batch_only_the_last_event_of_each_aggregate_is_written() -> None:
    transaction = Recording()
    LatestState().project(
        batch(
            event("placed", {"n": 1.10}, about="a", at=0),
            event("placed", {"n": 2}, about="b", at=1),
            event("shipped", msgspec.Raw(b'{ "n": 3.10 }'), about="a", at=2, version=2, sequence=7),
        ),
        transaction,
    )
    assert transaction.loads == []
    assert transaction.writes == [
        (
            [
                ("a", "shipped", 2, 7, None, '{ "n": 3.10 }', P.topic, P.number, "2"),
                ("b", "placed", 1, None, None, '{"n":2}', P.topic, P.number, "1"),
            ],
            [],
        )
    ]


def test_an_earlier_event_that_is_broken_is_no_matter_once_it_is_replaced() -> None:
    transaction = Recording()
    LatestState().project(
        batch(event("x", msgspec.Raw(b"{"), about="a"), event("x", {}, about="a", at=1)),
        transaction,
    )
    assert len(transaction.writes) == 1


def test_a_tombstone_deletes_and_a_later_event_brings_the_row_back() -> None:
    room = Room(LatestState(), batch_size=1)
    room.told("placed", {"n": 1}, aggregate_id="a").told("placed", {"n": 2}, aggregate_id="b")
    room.told("tombstone", aggregate_id="a").told("tombstone", aggregate_id="c")
    assert [row[0] for row in room.rows()] == ["b"]
    assert [row[0] for row in room.told("placed", {"n": 3}, aggregate_id="a").rows()] == ["a", "b"]


def test_data_that_an_upcaster_made_is_written_as_json() -> None:
    transaction = Recording()
    plain = msgspec.structs.replace(event("placed", about="a"), data={"n": 1})
    LatestState().project(batch(plain), transaction)
    assert transaction.writes[0][0][0][5] == '{"n":1}'


def test_it_is_named_and_limited_as_one_likes() -> None:
    latest = LatestState(name="orders", table="newest_order", handles={"placed": 2})
    assert (latest.name, latest.tables[0].name, latest.handles) == (
        "orders",
        "newest_order",
        {"placed": 2},
    )
    room = Room(LatestState(handles={"placed"}))
    room.told("placed", {}, aggregate_id="a").told("shipped", {}, aggregate_id="b")
    assert [row[0] for row in room.rows()] == ["a"]


def test_clear_deletes_all_rows() -> None:
    transaction = Recording(("a",))
    LatestState().clear(transaction)
    assert transaction.stored == []


@pytest.mark.parametrize("data", [b'{"a": "b\\u0000"}', b'{"a": "\\ud800"}'])
@pytest.mark.parametrize("projector", [LatestState(), EventArchive()])
def test_data_that_no_store_takes_is_undecodable_at_its_own_offset(
    projector: LatestState | EventArchive, data: bytes
) -> None:
    broken = event("T", msgspec.Raw(data), at=4, about="b")
    with pytest.raises(Undecodable, match="offset 4"):
        projector.project(batch(event("T", {}, about="a"), broken), Recording())


def test_a_backslash_before_u0000_is_no_zero() -> None:
    transaction = Recording()
    LatestState().project(
        batch(event("T", msgspec.Raw(b'{"a": "b\\\\u0000"}'), about="a")), transaction
    )
    assert transaction.writes
