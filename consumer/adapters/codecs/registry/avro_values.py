"""What Avro's logical types are in Python, where fastavro's own word for it is not exact, or slow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time, timedelta
from decimal import Context, Decimal, Inexact, Rounded
from functools import lru_cache, partial
from typing import Any
from uuid import UUID

from fastavro.read import LOGICAL_READERS

from consumer.adapters.codecs.reading import MAX_DECIMAL_BYTES

#: What our names begin with: fastavro's table is one for the whole process, and others read with theirs.
_OURS = "projections."

_MILLISECOND, _MICROSECOND = timedelta(milliseconds=1), timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOCAL_EPOCH = _EPOCH.replace(tzinfo=None)

_HOUR, _MINUTE, _SECOND = 3_600_000_000, 60_000_000, 1_000_000
_DAY = 24 * _HOUR


class Inadmissible(ValueError):
    """A value that its logical type does not allow; the text does not quote it."""


def _decimal(data: bytes, schema: Mapping[str, Any], _: Any = None) -> Decimal:
    """Never rounded, as fastavro would: more digits than the precision are no such decimal."""
    precision = schema["precision"]
    if len(data) > MAX_DECIMAL_BYTES:
        raise Inadmissible(f"a decimal has more than {MAX_DECIMAL_BYTES} bytes")
    unscaled = int.from_bytes(data, "big", signed=True)
    try:
        exact = _context(precision).create_decimal(unscaled)
    except (Inexact, Rounded):
        raise Inadmissible(f"a decimal has more than its {precision} digits") from None
    return exact.scaleb(-schema.get("scale", 0), _context(precision))


@lru_cache(maxsize=1024)
def _context(precision: int) -> Context:
    return Context(prec=precision, traps=[Inexact, Rounded])


def _instant(epoch: datetime, unit: timedelta, data: int, *_: Any) -> datetime:
    """In whole numbers, as fastavro, in a third of its time."""
    return epoch + unit * data


def _time_of_millis(data: int, *_: Any) -> time:
    return _time_of_micros(data * 1000)


def _time_of_micros(data: int, *_: Any) -> time:
    if not 0 <= data < _DAY:
        raise Inadmissible("a time lies outside of the day")
    hours, rest = divmod(data, _HOUR)
    minutes, rest = divmod(rest, _MINUTE)
    return time(hours, minutes, *divmod(rest, _SECOND))


def _uuid(data: bytes, *_: Any) -> UUID:
    return UUID(bytes=data)


_READERS: Mapping[str, Callable[..., Any]] = {
    "bytes-decimal": _decimal,
    "fixed-decimal": _decimal,
    "long-timestamp-millis": partial(_instant, _EPOCH, _MILLISECOND),
    "long-timestamp-micros": partial(_instant, _EPOCH, _MICROSECOND),
    "long-local-timestamp-millis": partial(_instant, _LOCAL_EPOCH, _MILLISECOND),
    "long-local-timestamp-micros": partial(_instant, _LOCAL_EPOCH, _MICROSECOND),
    "int-time-millis": _time_of_millis,
    "long-time-micros": _time_of_micros,
    "fixed-uuid": _uuid,
}

for _name, _reader in _READERS.items():
    _kind, _, _logical = _name.partition("-")
    LOGICAL_READERS[f"{_kind}-{_OURS}{_logical}"] = _reader


def read_by_us(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a type, and its logical type is ours if we have a word for it."""
    logical = schema.get("logicalType")
    if f"{schema.get('type')}-{logical}" in _READERS:
        return {**schema, "logicalType": f"{_OURS}{logical}"}
    return dict(schema)


def without_invalid_decimal(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """A type that is no decimal though it says so is what it is without, as Avro has it.

    Databases have decimals with more digits behind the point than digits, as PostgreSQL's `numeric(3, 5)`.
    """
    if schema.get("logicalType") != "decimal":
        return schema
    precision, scale = schema.get("precision"), schema.get("scale", 0)
    if isinstance(precision, int) and isinstance(scale, int) and 0 <= scale <= precision > 0:
        return schema
    return {name: value for name, value in schema.items() if name != "logicalType"}


def default_of(schema: Any, default: Any) -> Any:
    """A default as it stands in a schema, in JSON, as the value that is read."""
    if isinstance(schema, list):
        return default_of(schema[0], default) if schema else default
    kind = schema["type"] if isinstance(schema, dict) else schema
    value = (
        default.encode("latin-1")
        if kind in {"bytes", "fixed"} and isinstance(default, str)
        else default
    )
    logical = schema.get("logicalType") if isinstance(schema, dict) else None
    read = LOGICAL_READERS.get(f"{kind}-{logical}")
    return value if read is None else read(value, schema, None)
