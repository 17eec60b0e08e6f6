"""The types that Connect and Debezium give a meaning by name, as Python's."""

from __future__ import annotations

from binascii import a2b_base64
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from functools import partial
from typing import Any
from uuid import UUID

from consumer.adapters.codecs.reading import MAX_DECIMAL_BYTES

#: From a value as Connect writes it to Python's. What it raises of `OUT_OF_RANGE` leaves the value as it is written.
Way = Callable[[Any], Any]

#: What a way raises where Python has no such value, or the value is not what its schema says.
OUT_OF_RANGE = (ValueError, OverflowError, TypeError, LookupError, AttributeError)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_DAY = timedelta(days=1)

#: Rounds nothing: the context of a thread may.
_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)

#: No database has a decimal of more digits behind its point; written out, one could fill all memory.
_LARGEST_SCALE = 100_000


def way_of_name(name: str | None, parameters: Mapping[str, Any]) -> Way | None:
    """The way of values whose type bears this name; None where they mean just what they are."""
    if name == "org.apache.kafka.connect.data.Decimal":
        return _decimal(parameters.get("scale"))
    return _WAYS.get(name or "")


def from_base64(text: str) -> bytes:
    """Bytes, as JSON holds them."""
    return a2b_base64(text, strict_mode=True)


def number(written: Any) -> Any:
    """A float: the three that JSON does not know are written as text."""
    return float(written) if type(written) is str else written


def _decimal(scale: Any) -> Way | None:
    digits = (
        int(scale) if isinstance(scale, int | str) and str(scale).lstrip("-").isdecimal() else None
    )
    if digits is None or abs(digits) > _LARGEST_SCALE:
        return None
    return partial(_scaled, scale=digits)


def _scaled(unscaled: bytes, scale: int) -> Decimal:
    if len(unscaled) > MAX_DECIMAL_BYTES:
        raise OverflowError
    return _EXACT.scaleb(Decimal(int.from_bytes(unscaled, "big", signed=True)), -scale)


def _variable_scale_decimal(value: Mapping[str, Any]) -> Decimal:
    scale, unscaled = value["scale"], value["value"]
    if abs(scale) > _LARGEST_SCALE:
        raise OverflowError
    return _scaled(from_base64(unscaled) if isinstance(unscaled, str) else unscaled, scale)


def _date(days: int) -> date:
    return date.fromordinal(_EPOCH_DAY + days)


def _instant(written: int, microseconds: int) -> datetime:
    return _EPOCH + timedelta(0, 0, written * microseconds)


def _instant_of_nanos(written: int) -> datetime:
    return _EPOCH + timedelta(0, 0, written // 1000)


def _time(written: int, microseconds: int) -> time:
    since_midnight = timedelta(0, 0, written * microseconds)
    if not timedelta(0) <= since_midnight < _DAY:
        raise OverflowError
    return (_EPOCH + since_midnight).time()


def _time_of_nanos(written: int) -> time:
    return _time(written // 1000, 1)


def _duration(written: int) -> timedelta:
    return timedelta(0, 0, written)


def _duration_of_nanos(written: int) -> timedelta:
    return timedelta(0, 0, written // 1000)


def _zoned(written: str) -> datetime:
    found = datetime.fromisoformat(written)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _iso_date(written: str) -> date:
    return date.fromisoformat(written.removesuffix("Z"))


def _bits(little_endian: bytes) -> int:
    return int.from_bytes(little_endian, "little")


#: Once its own schema has made bytes of base64. A timestamp without zone is UTC, as Debezium itself takes it.
_WAYS: Mapping[str, Way] = {
    "org.apache.kafka.connect.data.Date": _date,
    "org.apache.kafka.connect.data.Time": partial(_time, microseconds=1000),
    "org.apache.kafka.connect.data.Timestamp": partial(_instant, microseconds=1000),
    "io.debezium.time.Date": _date,
    "io.debezium.time.IsoDate": _iso_date,
    "io.debezium.time.Time": partial(_time, microseconds=1000),
    "io.debezium.time.MicroTime": partial(_time, microseconds=1),
    "io.debezium.time.NanoTime": _time_of_nanos,
    "io.debezium.time.IsoTime": time.fromisoformat,
    "io.debezium.time.ZonedTime": time.fromisoformat,
    "io.debezium.time.Timestamp": partial(_instant, microseconds=1000),
    "io.debezium.time.MicroTimestamp": partial(_instant, microseconds=1),
    "io.debezium.time.NanoTimestamp": _instant_of_nanos,
    "io.debezium.time.IsoTimestamp": _zoned,
    "io.debezium.time.ZonedTimestamp": _zoned,
    "io.debezium.time.MicroDuration": _duration,
    "io.debezium.time.NanoDuration": _duration_of_nanos,
    "io.debezium.data.VariableScaleDecimal": _variable_scale_decimal,
    "io.debezium.data.Uuid": UUID,
    "io.debezium.data.Bits": _bits,
}
