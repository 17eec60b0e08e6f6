"""What Connect's and Debezium's types are in Python."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal, localcontext
from typing import Any
from uuid import UUID

import pytest

from consumer.adapters.codecs.connect.schemas import converted, way_of_avro, way_of_json

KAFKA, TIME, DATA = "org.apache.kafka.connect.data.", "io.debezium.time.", "io.debezium.data."
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
MIDNIGHT_DAY = 20_758
MICROS = 1_793_534_400_000_000


def base64(unscaled: int) -> str:
    size = unscaled.bit_length() // 8 + 1
    return b64encode(unscaled.to_bytes(size, "big", signed=True)).decode()


def by(kind: str, name: str | None, value: Any, **more: Any) -> Any:
    return converted(way_of_json({"type": kind, "name": name, **more}), value)


@pytest.mark.parametrize(
    ("kind", "name", "written", "read"),
    [
        ("int32", KAFKA + "Date", MIDNIGHT_DAY, date(2026, 11, 1)),
        ("int32", KAFKA + "Time", 43_200_001, time(12, 0, 0, 1000)),
        ("int64", KAFKA + "Timestamp", MICROS // 1000, NOON),
        ("int32", TIME + "Date", -719_162, date(1, 1, 1)),
        ("int32", TIME + "Date", 2_932_896, date(9999, 12, 31)),
        ("int32", TIME + "Time", 0, time(0)),
        ("int64", TIME + "MicroTime", 86_399_999_999, time(23, 59, 59, 999_999)),
        ("int64", TIME + "NanoTime", 43_200_000_001_999, time(12, 0, 0, 1)),
        ("int64", TIME + "Timestamp", MICROS // 1000, NOON),
        ("int64", TIME + "MicroTimestamp", MICROS + 1, NOON.replace(microsecond=1)),
        ("int64", TIME + "MicroTimestamp", -62_135_596_800_000_000, datetime(1, 1, 1, tzinfo=UTC)),
        ("int64", TIME + "NanoTimestamp", MICROS * 1000 + 1999, NOON.replace(microsecond=1)),
        (
            "string",
            TIME + "ZonedTimestamp",
            "2026-11-01T12:00:00.0000019Z",
            NOON.replace(microsecond=1),
        ),
        (
            "string",
            TIME + "ZonedTime",
            "12:00:00+02:00",
            time(12, tzinfo=timezone(timedelta(hours=2))),
        ),
        ("string", TIME + "IsoDate", "2026-11-01Z", date(2026, 11, 1)),
        ("string", TIME + "IsoTime", "12:00:00Z", time(12, tzinfo=UTC)),
        ("string", TIME + "IsoTimestamp", "2026-11-01T12:00:00Z", NOON),
        ("string", TIME + "IsoTimestamp", "2026-11-01T12:00:00", NOON),
        ("int64", TIME + "MicroDuration", -1, timedelta(microseconds=-1)),
        ("int64", TIME + "NanoDuration", 1_000, timedelta(microseconds=1)),
        ("string", TIME + "Interval", "P1M", "P1M"),
        ("int32", TIME + "Year", 2026, 2026),
        ("string", DATA + "Uuid", str(UUID(int=7)), UUID(int=7)),
        ("string", DATA + "Json", '{"a": 1.10}', '{"a": 1.10}'),
        ("string", DATA + "Xml", "<a/>", "<a/>"),
        ("string", DATA + "Enum", "sad", "sad"),
        ("string", DATA + "EnumSet", "a,b", "a,b"),
        ("bytes", DATA + "Bits", "AQI=", 0x0201),
        ("bytes", None, "3q2+7w==", b"\xde\xad\xbe\xef"),
        ("double", None, "Infinity", float("inf")),
        ("float", None, 1.5, 1.5),
        ("int64", "com.acme.Money", 5, 5),
    ],
)
def test_a_type_with_a_meaning_is_python_s_own(
    kind: str, name: str | None, written: Any, read: Any
) -> None:
    found = by(kind, name, written)
    assert (found, type(found)) == (read, type(read))
    assert by(kind, name, None) is None


@pytest.mark.parametrize("digits", [1, 28, 29, 60, 2400])
def test_a_decimal_keeps_every_digit_whatever_the_context(digits: int) -> None:
    unscaled = -(10**digits - 1)
    with localcontext(prec=5):
        exact = by("bytes", KAFKA + "Decimal", base64(unscaled), parameters={"scale": "3"})
        variable = {"scale": 3, "value": base64(unscaled)}
        assert by("struct", DATA + "VariableScaleDecimal", variable) == exact
    assert exact.as_tuple().exponent == -3
    assert exact.as_tuple().digits == (9,) * digits


def test_a_decimal_whose_digits_would_take_long_to_tell_stays_as_it_is_written() -> None:
    written = base64(10**2500)
    assert by("bytes", KAFKA + "Decimal", written, parameters={"scale": "3"}) == written
    variable = {"scale": 3, "value": written}
    assert by("struct", DATA + "VariableScaleDecimal", variable) == variable


@pytest.mark.parametrize("scale", [None, "", "two", "1e3", "100001", 10**12, [], "-", "٣٣٣٣٣٣٣"])
def test_a_decimal_of_no_scale_or_an_absurd_one_is_bytes(scale: Any) -> None:
    assert by("bytes", KAFKA + "Decimal", "Dw==", parameters={"scale": scale}) == b"\x0f"


def test_a_scale_that_would_fill_all_memory_leaves_the_value_as_it_is_written() -> None:
    value = {"scale": 10**9, "value": "Dw=="}
    assert by("struct", DATA + "VariableScaleDecimal", value) is value


@pytest.mark.parametrize(
    ("kind", "name", "written"),
    [
        ("int32", TIME + "Date", 2_932_897),
        ("int32", TIME + "Date", -719_163),
        ("int32", TIME + "Time", 86_400_000),
        ("int64", TIME + "MicroTime", -1),
        ("int64", TIME + "MicroTimestamp", 9223372036825200000),
        ("string", TIME + "ZonedTimestamp", "+10000-01-01T00:00:00Z"),
        ("string", TIME + "IsoDate", "-0043-03-15Z"),
        ("string", DATA + "Uuid", ""),
        ("bytes", None, "no base64!"),
        ("int32", TIME + "Date", "a text"),
        ("int32", TIME + "Date", [1]),
        ("double", None, "x"),
    ],
)
def test_what_python_does_not_have_or_the_schema_does_not_say_stays(
    kind: str, name: str | None, written: Any
) -> None:
    assert by(kind, name, written) == written


def test_arrays_maps_and_structs_are_gone_through() -> None:
    day = {"type": "int32", "name": TIME + "Date"}
    schema = {
        "type": "struct",
        "fields": [
            {"field": "days", "type": "array", "items": day},
            {"field": "by", "type": "map", "keys": {"type": "string"}, "values": day},
            {"field": "in", "type": "struct", "fields": [{"field": "day", **day}]},
            {"field": "plain", "type": "array", "items": {"type": "int32"}},
        ],
    }
    value = {"days": [1, None, 10**9], "by": {"a": 1}, "in": {"day": 1}, "plain": [1]}
    first = date(1970, 1, 2)
    assert converted(way_of_json(schema), value) == {
        "days": [first, None, 10**9],
        "by": {"a": first},
        "in": {"day": first},
        "plain": [1],
    }


def test_what_means_nothing_but_itself_costs_nothing() -> None:
    fields = [{"field": "a", "type": "int32"}, {"field": "b", "type": "string"}]
    assert way_of_json({"type": "struct", "fields": fields}) is None


def test_in_avro_a_type_that_is_named_again_is_the_same() -> None:
    variable = {
        "type": "record",
        "name": "io.debezium.data.VariableScaleDecimal",
        "connect.name": DATA + "VariableScaleDecimal",
        "fields": [{"name": "scale", "type": "int"}, {"name": "value", "type": "bytes"}],
    }
    schema = {
        "type": "record",
        "name": "shop.Value",
        "fields": [
            {"name": "a", "type": ["null", variable]},
            {"name": "b", "type": ["null", "io.debezium.data.VariableScaleDecimal"]},
            {
                "name": "days",
                "type": {"type": "array", "items": {"type": "int", "connect.name": TIME + "Date"}},
            },
            {"name": "self", "type": ["null", "shop.Value"]},
        ],
    }
    value = {
        "a": {"scale": 1, "value": b"\x0f"},
        "b": {"scale": 0, "value": b"\x0f"},
        "days": [1],
        "self": None,
    }
    assert converted(way_of_avro(schema), value) == {
        "a": Decimal("1.5"),
        "b": Decimal(15),
        "days": [date(1970, 1, 2)],
        "self": None,
    }
