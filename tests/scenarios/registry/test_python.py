"""What Confluent's own serializers for Python write, by a real registry, is read: all formats, with references."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf.message_factory import GetMessageClass

from consumer.adapters.codecs.registry.bodies import Bodies
from consumer.adapters.codecs.registry.body import Body
from consumer.adapters.codecs.registry.client import Registry
from consumer.adapters.codecs.registry.protobuf_schemas import compiled
from consumer.adapters.codecs.registry.registered import Reference, Registered
from consumer.model.position import IntOffset, Partition
from consumer.model.record import Record
from tests.servers import SchemaRegistry


class Python:
    """A topic's serializers, and our codec."""

    def __init__(self, client: SchemaRegistryClient, url: str) -> None:
        self.client = client
        self.topic = f"python-{secrets.token_hex(4)}"
        self._bodies = Bodies(Registry(url, lambda: {"url": url}))

    def refer_to(self, name: str, schema: str, kind: str) -> SchemaReference:
        """A schema under a subject of its own, that others may refer to as `name`."""
        subject = f"{self.topic}-{name}"
        self.client.register_schema(subject, Schema(schema, kind))
        return SchemaReference(name, subject, 1)

    def read(self, serializer: Any, value: Any) -> Body:
        """The value once it was written by the serializer, as a record's value and as its key."""
        written = {
            field: serializer(value, SerializationContext(self.topic, field, []))
            for field in (MessageField.KEY, MessageField.VALUE)
        }
        place, offset = Partition(self.topic, 0), IntOffset(0)
        record = Record(place, offset, written[MessageField.KEY], written[MessageField.VALUE])
        assert self._bodies.key(record) == self._bodies.value(record)
        return self._bodies.value(record)


@pytest.fixture
def python(schema_registry: SchemaRegistry) -> Iterator[Python]:
    with SchemaRegistryClient({"url": schema_registry.url, "timeout": 20}) as client:
        yield Python(client, schema_registry.url)


def test_avro_with_a_reference(python: Python) -> None:
    size = python.refer_to(
        "shop.Size",
        '{"type": "enum", "namespace": "shop", "name": "Size", "symbols": ["S"]}',
        "AVRO",
    )
    placed = (
        '{"type": "record", "namespace": "shop", "name": "Placed", "fields": ['
        '{"name": "number", "type": "long"}, {"name": "size", "type": ["null", "shop.Size"]}]}'
    )
    serializer = AvroSerializer(python.client, Schema(placed, "AVRO", [size]))
    for value in ({"number": -1, "size": "S"}, {"number": 1 << 60, "size": None}):
        body = python.read(serializer, value)
        assert (body.name, body.data) == ("shop.Placed", value)


ADDRESS = 'syntax = "proto3"; package geo; message Address { string city = 1; }'
SHOP = """
    syntax = "proto3"; package shop;
    import "geo/address.proto"; import "google/protobuf/timestamp.proto";
    message Placed { int64 number = 1; }
    message Shipped { geo.Address to = 1; google.protobuf.Timestamp at = 2; message Part { string sku = 1; } }
"""


def test_protobuf_with_a_reference_any_message_of_the_file(python: Python) -> None:
    address = Reference("geo/address.proto", Registered("", "PROTOBUF", ADDRESS))
    kinds = compiled(Registered("", "PROTOBUF", SHOP, [address])).message_types_by_name
    bodies = []
    for kind, value in (
        (kinds["Placed"], {"number": 1 << 60}),
        (kinds["Shipped"], {"to": {"city": "Wien"}, "at": {"seconds": 1}}),
        (kinds["Shipped"].nested_types_by_name["Part"], {"sku": "a"}),
    ):
        message: Any = GetMessageClass(kind)
        bodies.append(python.read(ProtobufSerializer(message, python.client), message(**value)))
    assert bodies == [
        Body("shop.Placed", {"number": 1 << 60}),
        Body("shop.Shipped", {"to": {"city": "Wien"}, "at": datetime(1970, 1, 1, 0, 0, 1, 0, UTC)}),
        Body("shop.Shipped.Part", {"sku": "a"}),
    ]


def test_json_with_a_reference(python: Python) -> None:
    draft = "http://json-schema.org/draft-07/schema#"
    size = python.refer_to(
        "size.json", json.dumps({"$schema": draft, "$id": "size.json", "enum": ["S"]}), "JSON"
    )
    placed = {
        "$schema": draft,
        "title": "Placed",
        "type": "object",
        "properties": {"size": {"$ref": "size.json"}},
    }
    serializer = JSONSerializer(Schema(json.dumps(placed), "JSON", [size]), python.client)
    body = python.read(serializer, {"size": "S"})
    assert (body.name, msgspec.json.decode(body.data)) == ("Placed", {"size": "S"})
