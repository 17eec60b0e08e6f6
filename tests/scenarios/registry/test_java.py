"""What Java's own serializers (Apicurio's) write to a real Kafka, by a real registry, is read."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from consumer.adapters.codecs.registry.bodies import Bodies
from consumer.adapters.codecs.registry.body import Body
from consumer.adapters.codecs.registry.client import Registry
from consumer.adapters.codecs.registry.protobuf_schemas import compiled
from consumer.adapters.codecs.registry.registered import Registered
from consumer.model.position import IntOffset, Partition
from consumer.model.record import Record
from tests.jvm import Program
from tests.servers import KafkaServer, SchemaRegistry

RELEASE = "2.6.13.Final"
SERIALIZERS = [
    f"io.apicurio:apicurio-registry-serdes-{kind}-serde:{RELEASE}"
    for kind in ("avro", "protobuf", "jsonschema")
]


class Java:
    """A topic that Java writes, and its records as our codec reads them."""

    def __init__(self, program: Program, kafka: KafkaServer, registry: SchemaRegistry) -> None:
        self.topic = f"java-{secrets.token_hex(4)}"
        self._program = program
        self._kafka = kafka
        self._registry = registry
        admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
        admin.create_topics([NewTopic(self.topic, 1, 1)])[self.topic].result(20)

    def write(self, *records: tuple[dict[str, Any], dict[str, Any]]) -> None:
        lines = [
            json.dumps({"topic": self.topic, "key": key, "value": value}) for key, value in records
        ]
        address = urlsplit(self._registry.url)
        own = f"{address.scheme}://{address.netloc}/apis/registry/v2"
        self._program.run(self._kafka.bootstrap, own, given="\n".join(lines), timeout=120)

    def register(self, schema: dict[str, Any], side: str) -> None:
        with SchemaRegistryClient({"url": self._registry.url}) as client:
            client.register_schema(f"{self.topic}-{side}", Schema(json.dumps(schema), "JSON"))

    def read(self) -> list[tuple[Body, Body]]:
        bodies = Bodies(Registry(self._registry.url, lambda: {"url": self._registry.url}))
        return [(bodies.key(record), bodies.value(record)) for record in self._records()]

    def _records(self) -> Iterator[Record]:
        place = TopicPartition(self.topic, 0, 0)
        with Consumer(
            {"bootstrap.servers": self._kafka.bootstrap, "group.id": self.topic}
        ) as consumer:
            consumer.assign([place])
            _, end = consumer.get_watermark_offsets(place)
            messages = consumer.consume(end, timeout=30)
        for message in messages:
            place, offset = Partition(self.topic, 0), IntOffset(message.offset() or 0)
            yield Record(place, offset, message.key(), message.value(), message.headers() or ())


@pytest.fixture(scope="module")
def program(java_program: Callable[..., Program]) -> Program:
    return java_program(
        Path(__file__).with_name("BySchema.java"), *SERIALIZERS, "org.slf4j:slf4j-nop:2.0.17"
    )


@pytest.fixture
def java(program: Program, kafka: KafkaServer, schema_registry: SchemaRegistry) -> Java:
    return Java(program, kafka, schema_registry)


def avro(schema: Any, value: Any) -> dict[str, Any]:
    return {"format": "avro", "schema": json.dumps(schema), "value": value}


def protobuf(text: str, message: str, value: Any) -> dict[str, Any]:
    descriptor = compiled(Registered("", "PROTOBUF", text)).serialized_pb
    schema = base64.b64encode(descriptor).decode()
    return {"format": "protobuf", "schema": schema, "message": message, "value": value}


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
