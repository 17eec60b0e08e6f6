"""From a stream's entry to a record."""

from __future__ import annotations

from datetime import UTC, datetime

from consumer.adapters.redis.entries import from_mappings, records
from consumer.model.position import Partition, StreamOffset
from consumer.model.record import Record

ORDERS = Partition("orders", 3)


def record(*fields: bytes, entry_id: bytes = b"1795448472048-5") -> Record:
    (found,) = records(ORDERS, [(entry_id, list(fields))])
    return found


def test_data_is_the_value_key_the_key_and_the_rest_are_headers() -> None:
    assert record(b"id", b"1", b"data", b"{}", b"key", b"\xff", b"type", b"\xfe") == Record(
        ORDERS,
        StreamOffset(1795448472048, 5),
        b"\xff",
        b"{}",
        [("id", b"1"), ("type", b"\xfe")],
        datetime(2026, 11, 23, 15, 41, 12, 48_000, UTC),
    )


def test_without_a_key_the_subject_is_it() -> None:
    found = record(b"subject", b"order-1", b"data", b"{}")
    assert found.key == b"order-1"
    assert found.headers == [("subject", b"order-1")]


def test_without_subject_and_key_there_is_no_key() -> None:
    assert record(b"data", b"{}").key is None


def test_without_data_it_is_a_cloud_event_that_has_none_or_a_field_was_misnamed() -> None:
    attributes = record(b"specversion", b"1.0", b"type", b"placed")
    assert (attributes.value, attributes.fault) == (None, None)
    misnamed = record(b"payload", b'{"specversion": "1.0"}')
    assert misnamed.fault == "the entry has no field `data`, which holds the event"


def test_an_id_that_is_no_time_has_none() -> None:
    assert record(b"id", b"1", entry_id=b"18446744073709551615-0").time is None


def test_a_field_whose_name_is_not_utf_8_is_a_fault_of_that_record_alone() -> None:
    first, second = records(ORDERS, [(b"1-0", [b"\xff", b"x"]), (b"2-0", [b"data", b"x"])])
    assert first.fault is not None
    assert second.fault is None


def test_a_repeated_field_is_two_headers() -> None:
    assert record(b"a", b"1", b"a", b"2").headers == [("a", b"1"), ("a", b"2")]


def test_mappings_become_entries() -> None:
    assert from_mappings([(b"1-0", {b"a": b"1", b"b": b"2"})]) == [
        (b"1-0", [b"a", b"1", b"b", b"2"])
    ]
