"""Google's and Confluent's own types of Protobuf messages, as the Python values that they stand for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from typing import Any

from google.protobuf.descriptor import Descriptor

from consumer.adapters.codecs.reading import MAX_DECIMAL_BYTES

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = 1_000_000_000

#: In seconds: where Python's and Protobuf's calendar begins and ends, and the longest duration.
_FIRST, _LAST, _LONGEST = -62_135_596_800, 253_402_300_799, 315_576_000_000

_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)


class Inadmissible(ValueError):
    """A value that its type does not allow; the text does not quote it."""


def known(kind: Descriptor) -> Callable[[Any], Any] | None:
    """What makes the Python value of a message of this kind; None of any other than these.

    A `Timestamp` is a datetime in UTC and a `Duration` a timedelta, both cut to microseconds. Wrappers
    are what they wrap; `Struct`, `Value` and `ListValue` what they would be in JSON; Confluent's
    `Decimal` is a Decimal. `Any` stays what it is, a type's URL and bytes.
    """
    # A schema may call its own messages so; in these files it cannot, for they are ours.
    place = (kind.file.name, kind.full_name)
    return _KNOWN.get(place)


def _timestamp(message: Any) -> datetime:
    seconds, nanos = message.seconds, message.nanos
    if not (_FIRST <= seconds <= _LAST and 0 <= nanos < _SECOND):
        raise Inadmissible("a time lies outside of the years 1 to 9999")
    return _EPOCH + timedelta(0, seconds, nanos // 1000)


def _duration(message: Any) -> timedelta:
    seconds, nanos = message.seconds, message.nanos
    if not (-_LONGEST <= seconds <= _LONGEST and -_SECOND < nanos < _SECOND):
        raise Inadmissible("a duration is longer than 10,000 years")
    return timedelta(0, seconds, int(nanos / 1000))


def _wrapped(message: Any) -> Any:
    return message.value


def _struct(message: Any) -> dict[str, Any]:
    return {name: _value(value) for name, value in message.fields.items()}


def _list(message: Any) -> list[Any]:
    return [_value(value) for value in message.values]


def _value(message: Any) -> Any:
    match message.WhichOneof("kind"):
        case "struct_value":
            return _struct(message.struct_value)
        case "list_value":
            return _list(message.list_value)
        case None | "null_value":
            return None
        case kind:
            return getattr(message, kind)


def _decimal(message: Any) -> Decimal:
    if len(message.value) > MAX_DECIMAL_BYTES:
        raise Inadmissible(f"a decimal has more than {MAX_DECIMAL_BYTES} bytes")
    unscaled = _EXACT.create_decimal(int.from_bytes(message.value, "big", signed=True))
    return unscaled.scaleb(-message.scale, _EXACT)


_KNOWN: Mapping[tuple[str, str], Callable[[Any], Any]] = {
    ("google/protobuf/timestamp.proto", "google.protobuf.Timestamp"): _timestamp,
    ("google/protobuf/duration.proto", "google.protobuf.Duration"): _duration,
    ("google/protobuf/struct.proto", "google.protobuf.Struct"): _struct,
    ("google/protobuf/struct.proto", "google.protobuf.Value"): _value,
    ("google/protobuf/struct.proto", "google.protobuf.ListValue"): _list,
    ("confluent/type/decimal.proto", "confluent.type.Decimal"): _decimal,
    **{
        ("google/protobuf/wrappers.proto", f"google.protobuf.{kind}Value"): _wrapped
        for kind in (
            "Bool",
            "Bytes",
            "Double",
            "Float",
            "Int32",
            "Int64",
            "String",
            "UInt32",
            "UInt64",
        )
    },
}
