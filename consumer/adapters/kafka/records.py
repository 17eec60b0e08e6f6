"""From what Kafka's client hands out to records."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias

from consumer.model.position import IntOffset, Partition
from consumer.model.record import Record

#: A `confluent_kafka.Message`. Its stubs say that each part may be None, which holds for errors alone.
Message: TypeAlias = Any

#: What the client and the calendar raise on odd records: a header whose name is not UTF-8, and a time
#: beyond the year 9999.
_ODD = (ValueError, OverflowError, OSError, RuntimeError, SystemError)


def records_of(partition: Partition, arrived: Sequence[Message]) -> list[Record]:
    """The records, in order; one that cannot be handed out whole has a `fault` instead of raising."""
    at = datetime.fromtimestamp
    try:
        # One comprehension: this is the hot path, and each record pays for every name looked up.
        return [
            Record(
                partition,
                IntOffset(each.offset()),
                each.key(),
                each.value(),
                each.headers() or (),
                at(stamp / 1000, UTC) if (stamp := each.timestamp()[1]) >= 0 else None,
            )
            for each in arrived
        ]
    except _ODD:
        return [_carefully(partition, each) for each in arrived]


def _carefully(partition: Partition, arrived: Message) -> Record:
    fault = None
    headers: Sequence[tuple[str, bytes | None]] = ()
    time = None
    try:
        headers = arrived.headers() or ()
    except _ODD:
        fault = "the name of a header is not UTF-8"
    try:
        time = datetime.fromtimestamp(arrived.timestamp()[1] / 1000, UTC)
    except _ODD:
        time = None  # far beyond the calendar; the broker's own time is no part of the event
    return Record(
        partition,
        IntOffset(arrived.offset()),
        arrived.key(),
        arrived.value(),
        headers,
        time,
        fault,
    )
