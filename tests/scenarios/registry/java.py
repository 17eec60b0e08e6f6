"""A topic that Java's own serializers (Apicurio's) write, and its records as our codecs read them."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

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
SERIALIZERS = (
    *(
        f"io.apicurio:apicurio-registry-serdes-{kind}-serde:{RELEASE}"
        for kind in ("avro", "protobuf", "jsonschema")
    ),
    "org.slf4j:slf4j-nop:2.0.17",  # what else would they log to
)


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
        with SchemaRegistryClient({"url": self._registry.url, "timeout": 20}) as client:
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


def avro(schema: Any, value: Any) -> dict[str, Any]:
    return {"format": "avro", "schema": json.dumps(schema), "value": value}


def protobuf(text: str, message: str, value: Any) -> dict[str, Any]:
    descriptor = compiled(Registered("", "PROTOBUF", text)).serialized_pb
    schema = base64.b64encode(descriptor).decode()
    return {"format": "protobuf", "schema": schema, "message": message, "value": value}
