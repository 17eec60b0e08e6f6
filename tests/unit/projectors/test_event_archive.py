"""EventArchive: every event, a row each, never changed."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from consumer import Offset, StreamOffset, Undecodable
from projectors import EventArchive
from tests.unit.projectors.rooms import P, Recording, Room, batch, event

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_data_that_is_no_json_is_undecodable_and_nothing_is_appended() -> None:
    transaction = Recording()
    with pytest.raises(Undecodable):
        EventArchive().project(
            batch(event("x", {}), event("x", msgspec.Raw(b"{"), at=1)), transaction
        )
    assert not transaction.appended


def test_an_event_is_kept_whole() -> None:
    transaction = Recording()
    whole = event(
        "placed", {"n": 1}, at=17, about="a", version=2, sequence=3, time=NOON, key=b"\xff",
        metadata={"tenant": "eu", "raw": b"\0", "odd": Offset},
    )  # fmt: skip
    EventArchive().project(batch(whole), transaction)
    assert transaction.appended == [
        (
            P.topic, P.number, 17, 0, 0, "17", "id", "placed", 2, "a", 3, NOON, b"\xff", '{"n":1}',
            '{"tenant":"eu","raw":"AA==","odd":"<class \'consumer.model.position.Offset\'>"}',
        )
    ]  # fmt: skip
    (table,) = EventArchive().tables
    assert len(table.columns) == len(transaction.appended[0])


def test_a_streams_offsets_sort_as_their_numbers() -> None:
    transaction = Recording()
    offsets = [StreamOffset(9, 10), StreamOffset(10, 2), StreamOffset(10, 11)]
    events = [msgspec.structs.replace(event("x"), offset=offset) for offset in offsets]
    EventArchive().project(batch(*events), transaction)
    (table,) = EventArchive().tables
    keys = [table.key_of(row) for row in transaction.appended]
    assert (
        keys
        == sorted(keys)
        == [(P.topic, P.number, *pair, 0) for pair in ((9, 10), (10, 2), (10, 11))]
    )
    assert [row[5] for row in transaction.appended] == ["9-10", "10-2", "10-11"]


def test_an_offset_of_no_kind_is_refused() -> None:
    odd = msgspec.structs.replace(event("x"), offset=Offset())
    with pytest.raises(TypeError, match="either an IntOffset or a StreamOffset"):
        EventArchive().project(batch(odd), Recording())


@pytest.mark.parametrize("size", [1, 2, 500])
def test_every_event_is_a_row_tombstones_too(size: int) -> None:
    room = Room(EventArchive(), batch_size=size)
    room.told("placed", {"n": 1}, aggregate_id="a").told("tombstone", aggregate_id="a")
    room.told("placed", {"n": 1}, aggregate_id="a")
    assert [(row[2], row[7], row[13]) for row in room.rows()] == [
        (0, "placed", '{"n":1}'),
        (1, "tombstone", None),
        (2, "placed", '{"n":1}'),
    ]


def test_it_is_named_and_limited_as_one_likes() -> None:
    archive = EventArchive(name="orders", table="order_events", handles={"placed"})
    assert (archive.name, archive.tables[0].name) == ("orders", "order_events")
    room = Room(archive).told("placed", {}).told("shipped", {})
    assert [row[7] for row in room.rows()] == ["placed"]


def test_clear_deletes_all_rows() -> None:
    transaction = Recording(("a",))
    EventArchive().clear(transaction)
    assert transaction.stored == []
