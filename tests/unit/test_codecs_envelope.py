"""The plain envelope."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from consumer.adapters.codecs.envelope import Envelope
from consumer.errors import Undecodable
from consumer.model.event import Event
from consumer.model.position import IntOffset, Partition
from consumer.model.record import Record

FULL = {
    "id": "7",
    "type": "placed",
    "aggregate_id": "order-1",
    "version": 3,
    "sequence": 12,
    "time": "2026-11-01T12:00:00Z",
    "data": {"total": 3},
    "metadata": {"user": "ann"},
}


def decoded(members: dict[str, Any], *headers: tuple[str, bytes | None]) -> Event:
    value = msgspec.json.encode(members)
    return Envelope().decode(
        Record(Partition("orders", 3), IntOffset(41), b"the key", value, headers)
    )


def test_all_members_arrive() -> None:
    event = decoded(FULL)
    assert (event.id, event.type, event.aggregate_id) == ("7", "placed", "order-1")
    assert (event.version, event.sequence) == (3, 12)
    assert event.time == datetime(2026, 11, 1, 12, tzinfo=UTC)
    assert event.decode(dict[str, int]) == {"total": 3}
    assert event.metadata == {"user": "ann"}


def test_what_is_optional_has_a_default() -> None:
    event = decoded({"id": "7", "type": "placed"})
    assert (event.aggregate_id, event.version, event.sequence) == ("the key", 1, None)
    assert (event.time, event.data, event.metadata) == (None, None, {})


@pytest.mark.parametrize("name", ["id", "type"])
def test_what_is_required_must_be_there(name: str) -> None:
    with pytest.raises(Undecodable, match=f"missing required field `{name}`"):
        decoded({key: value for key, value in FULL.items() if key != name})
    with pytest.raises(Undecodable, match=rf"length >= 1 - at `\$.{name}`"):
        decoded(FULL | {name: ""})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id", 7),
        ("version", "3"),
        ("version", -1),
        ("sequence", "a"),
        ("time", "2026-11-01T12:00:00"),
        ("time", "noon"),
        ("metadata", "ann"),
    ],
)
def test_a_member_of_another_kind_is_undecodable(name: str, value: object) -> None:
    with pytest.raises(Undecodable, match=rf"`\$.{name}`"):
        decoded(FULL | {name: value})


def test_metadata_hides_headers_of_its_names() -> None:
    event = decoded(FULL, ("user", b"bob"), ("traceparent", b"00-1"))
    assert event.metadata == {"user": "ann", "traceparent": "00-1"}


def test_other_members_are_ignored() -> None:
    assert decoded(FULL | {"more": [1]}).metadata == {"user": "ann"}
