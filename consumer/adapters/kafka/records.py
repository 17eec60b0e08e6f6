"""From what Kafka's client hands out to records."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from operator import methodcaller
from typing import Any, TypeAlias

from consumer.model.position import IntOffset, Partition
from consumer.model.record import Record

#: A `confluent_kafka.Message`. Its stubs say that each part may be None, which holds for errors alone.
Message: TypeAlias = Any

#: What the client says of a record without a time.
_NO_TIME = -1
#: What the calendar raises beyond the year 9999, where a producer may well place an event.
_NO_SUCH_TIME = (ValueError, OverflowError, OSError)
#: What the client raises for a header whose name is not UTF-8: it returns a broken list with an
#: exception set. Asked again it returns the list alone, which must never be looked into; so it is asked
#: once, and not as `each.headers()`, whose specialised form in the interpreter does not check.
_NO_SUCH_NAME = (ValueError, SystemError)
_headers_of = methodcaller("headers")


def records_of(partition: Partition, arrived: Sequence[Message]) -> list[Record]:
    """The records, in order; one that cannot be handed out whole has a `fault` instead of raising."""
    records: list[Record] = []
    # Records written together bear one time, and making it costs more than all else here.
    last, time = _NO_TIME, None
    for each in arrived:
        fault = None
        headers: Sequence[tuple[str, bytes | None]] = ()
        try:
            headers = _headers_of(each) or ()
        except _NO_SUCH_NAME:
            fault = "the name of a header is not UTF-8"
        if (stamp := each.timestamp()[1]) != last:
            last, time = stamp, _instant(stamp)
        offset = IntOffset(each.offset())
        records.append(Record(partition, offset, each.key(), each.value(), headers, time, fault))
    return records


def _instant(stamp: int) -> datetime | None:
    if stamp == _NO_TIME:
        return None
    try:
        return datetime.fromtimestamp(stamp / 1000, UTC)
    except _NO_SUCH_TIME:
        return None
