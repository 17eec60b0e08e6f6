"""Times as others write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from consumer.adapters.codecs.reading import refused, whole
from consumer.model.record import Record

#: Up to where a number counts seconds, then milliseconds, and above them microseconds: 1e11 seconds lie in the year 5138, and 1e11
#: milliseconds in 1973.
_MOST_SECONDS, _MOST_MILLISECONDS = 1e11, 1e14

#: Digits alone are a number from here on; eight are a day, as in 20261101.
_FEWEST_DIGITS = 9

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def instant(record: Record, written: str | float) -> datetime:
    """An ISO 8601 time (UTC where it has no zone) or a number since 1970: of seconds, or by its
    size of milliseconds or microseconds.

    `Undecodable` if it is neither.
    """
    number = written
    if isinstance(written, str) and len(written) >= _FEWEST_DIGITS:
        number = whole(written) or written
    try:
        if isinstance(number, str):
            return iso_time(number)
        return _since_1970(number)
    except (ValueError, OverflowError) as cause:
        raise refused(record, "the time is neither ISO 8601 nor a number since 1970") from cause


def time_at(record: Record, value: Any) -> datetime | None:
    """What stands at a place for a time, text and numbers as `instant`; the record's time where nothing does."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if value is None:
        return record.time
    if isinstance(value, str | int | float):
        return instant(record, value)
    raise refused(record, "the time is neither a time nor a number since 1970")


def iso_time(written: str) -> datetime:
    """A time of ISO 8601, in UTC where it has no zone; `ValueError` if it is none.

    First as msgspec reads times where it decodes them at once: so all codecs round to microseconds alike.
    """
    try:
        time = msgspec.convert(written, datetime)
    except msgspec.ValidationError:
        time = datetime.fromisoformat(written)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _since_1970(number: float) -> datetime:
    size = abs(number)
    if size <= _MOST_SECONDS:
        return _EPOCH + timedelta(seconds=number)
    if size <= _MOST_MILLISECONDS:
        return _EPOCH + timedelta(milliseconds=number)
    return _EPOCH + timedelta(microseconds=number)
