"""What Java's own serializers (Apicurio's) write to a real Kafka, by a real registry, is read."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import msgspec

from consumer.adapters.codecs.registry.body import Body
from tests.scenarios.registry.java import Java, avro, protobuf

KEY = {
    "type": "record",
    "name": "Key",
    "namespace": "shop",
    "fields": [{"name": "id", "type": "string"}],
}
PLACED = {
    "type": "record",
    "name": "Placed",
    "namespace": "shop",
    "fields": [
        {"name": "number", "type": "long"},
        {
            "name": "total",
            "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2},
        },
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {"name": "due", "type": {"type": "int", "logicalType": "date"}},
        {"name": "size", "type": {"type": "enum", "name": "Size", "symbols": ["S", "M"]}},
        {
            "name": "paid",
            "type": [
                "null",
                "double",
                {"type": "record", "name": "Card", "fields": [{"name": "last", "type": "string"}]},
            ],
        },
        {"name": "lines", "type": {"type": "array", "items": "Card"}},
        {"name": "counts", "type": {"type": "map", "values": "int"}},
    ],
}


def test_avro_records_of_java_are_read_old_and_new(java: Java) -> None:
    value = {
        "number": 1 << 60, "total": "09", "at": 1_000_001, "due": 20_000, "size": "M",
        "paid": {"shop.Card": {"last": "42"}}, "lines": [{"last": "a"}], "counts": {"a": -1},
    }  # fmt: skip
    newer = {
        **PLACED,
        "fields": [*PLACED["fields"], {"name": "note", "type": "string", "default": ""}],
    }
    java.write(
        (avro(KEY, {"id": "k"}), avro(PLACED, value)),
        (avro(KEY, {"id": "k"}), avro(PLACED, {**value, "paid": {"double": 0.5}})),
        (avro("string", "text"), avro(newer, {**value, "paid": None, "note": "Grüße"})),
    )
    expected = {
        "number": 1 << 60, "total": Decimal("123.45"), "at": datetime(1970, 1, 1, 0, 0, 1, 1, UTC),
        "due": date(2024, 10, 4), "size": "M", "paid": {"last": "42"}, "lines": [{"last": "a"}],
        "counts": {"a": -1},
    }  # fmt: skip
    read = java.read()
    assert [(key.name, key.data) for key, _ in read] == [("shop.Key", {"id": "k"})] * 2 + [
        ("string", "text")
    ]
    assert [value.name for _, value in read] == ["shop.Placed"] * 3
    assert [value.data for _, value in read] == [
        expected,
        {**expected, "paid": 0.5},
        {**expected, "paid": None, "note": "Grüße"},
    ]


SHOP = """
syntax = "proto3";
package shop;
import "google/protobuf/timestamp.proto";
message Key { string id = 1; }
message Placed {
  int64 number = 1;
  google.protobuf.Timestamp at = 2;
  optional string note = 3;
  repeated Key keys = 4;
  oneof paid { double cash = 5; Key card = 6; }
  Size size = 7;
}
enum Size { NONE = 0; SMALL = 1; }
"""


def test_protobuf_messages_of_java_are_read(java: Java) -> None:
    value = {
        "number": str(1 << 60), "at": "1970-01-01T00:00:01.000001Z", "keys": [{"id": "a"}],
        "card": {"id": "c"}, "size": "SMALL",
    }  # fmt: skip
    java.write((protobuf(SHOP, "Key", {"id": "k"}), protobuf(SHOP, "Placed", value)))
    assert java.read() == [
        (
            Body("shop.Key", {"id": "k"}),
            Body(
                "shop.Placed",
                {
                    "number": 1 << 60, "at": datetime(1970, 1, 1, 0, 0, 1, 1, UTC), "note": None,
                    "keys": [{"id": "a"}], "card": {"id": "c"}, "size": "SMALL",
                },
            ),
        )
    ]  # fmt: skip


def test_json_of_java_is_read(java: Java) -> None:
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#", "title": "Placed", "type": "object",
        "properties": {"number": {"type": "integer"}},
    }  # fmt: skip
    java.register({**schema, "title": "Key"}, "key")
    java.register(schema, "value")
    json_of = {"format": "json", "schema": ""}
    java.write(({**json_of, "value": {"number": 1}}, {**json_of, "value": {"number": 2}}))
    assert java.read() == [
        (Body("Key", msgspec.Raw(b'{"number":1}')), Body("Placed", msgspec.Raw(b'{"number":2}')))
    ]
