"""From what Kafka's client hands out to records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias

import confluent_kafka
from confluent_kafka import Consumer, KafkaError

from consumer.model.position import IntOffset, Partition
from consumer.model.record import Record

#: A `confluent_kafka.Message`. Its stubs say that each part may be None, which holds for errors alone.
Message: TypeAlias = Any
Headers: TypeAlias = Sequence[tuple[str, bytes | None]]

#: Not an error: what a client says when nothing is left to read for now.
END_OF_PARTITION = KafkaError._PARTITION_EOF  # noqa: SLF001  librdkafka's own codes are spelled so

#: What the client says of a record without a time.
_NO_TIME = -1
#: What the calendar raises beyond the year 9999, where a producer may well place an event.
_NO_SUCH_TIME = (ValueError, OverflowError, OSError)
#: What the client raises for a header whose name is not UTF-8: it returns a broken list with an
#: exception set. Asked again it returns the list alone, which must never be looked into; so it is asked
#: once, and not as `each.headers()`, whose specialised form in the interpreter does not check.
_NO_SUCH_NAME = (ValueError, SystemError)


def arriving(client: Consumer, limit: int) -> list[Message]:
    """Up to `limit` that are here; if none is, the one that comes within 0.1 s."""
    arrived: list[Message] = client.consume(limit, 0)
    if arrived:
        return arrived
    message = client.poll(0.1)
    return [] if message is None else [message]


def records_of(partition: Partition, arrived: Sequence[Message]) -> list[Record]:
    """The records, in order; one that cannot be handed out whole has a `fault` instead of raising."""
    records: list[Record] = []
    # Records written together bear one time, and making it costs more than all else here.
    last, time = _NO_TIME, None
    for each, headers in zip(arrived, _headers(arrived), strict=True):
        if (stamp := each.timestamp()[1]) != last:
            last, time = stamp, instant(stamp)
        fault = "the name of a header is not UTF-8" if headers is None else None
        offset, key, value = IntOffset(each.offset()), each.key(), each.value()
        records.append(Record(partition, offset, key, value, headers or (), time, fault))
    return records


def _headers(arrived: Sequence[Message]) -> list[Headers | None]:
    """The headers of each; None where they cannot be read."""
    found: list[Headers | None] = []
    asked: Iterator[Any] = map(confluent_kafka.Message.headers, arrived)  # a call in C is checked
    while len(found) < len(arrived):
        try:
            for headers in asked:  # goes on behind the one that raised
                found.append(headers or ())  # noqa: PERF401 - what came before a fault is kept
        except _NO_SUCH_NAME:
            found.append(None)
    return found


def instant(stamp: int) -> datetime | None:
    """The time that a record bears; None where it bears none, or none of the calendar's."""
    if stamp == _NO_TIME:
        return None
    try:
        return datetime.fromtimestamp(stamp / 1000, UTC)
    except _NO_SUCH_TIME:
        return None
