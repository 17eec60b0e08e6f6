"""Avro by a schema registry: the benchmark's orders as Confluent's serializer writes them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from io import BytesIO
from typing import Any

import msgspec
from fastavro import parse_schema, schemaless_reader, schemaless_writer

from benchmarks.orders import TOPIC, Order, orders
from consumer.adapters.codecs.registry.bodies import Bodies
from consumer.adapters.codecs.registry.codec import SchemaRegistry
from consumer.adapters.codecs.registry.registered import Registered
from consumer.model.position import IntOffset, Partition
from consumer.model.record import Record

_SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "OrderPlaced",
    "namespace": "shop",
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "source", "type": "string"},
        {"name": "subject", "type": "string"},
        {"name": "time", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "customer_id", "type": "string"},
        {"name": "cents", "type": "int"},
    ],
}


class _OneSchema:
    """A registry that answers at once: what it takes to ask is no part of decoding."""

    def schema(self, schema_id: int | str) -> Registered:
        return Registered(f"schema {schema_id}", "AVRO", json.dumps(_SCHEMA))


def avro(count: int) -> tuple[SchemaRegistry, Sequence[Record], Callable[[Sequence[Record]], int]]:
    """The codec, records, and the loop that one would write by hand on fastavro: it finds the schema by the id
    before the bytes, and makes the data typed; it gives the sum of `cents`.
    """
    schemas = {1: parse_schema(_SCHEMA)}

    def bare(records: Sequence[Record]) -> int:
        total = 0
        for record in records:
            value = record.value or b""
            stream = BytesIO(value)
            stream.seek(5)
            data = schemaless_reader(stream, schemas[int.from_bytes(value[1:5])], None)
            total += msgspec.convert(data, Order).cents
        return total

    partition = Partition(TOPIC, 0)
    records = [
        Record(partition, IntOffset(number), None, value)
        for number, value in enumerate(_values(count))
    ]
    return SchemaRegistry(Bodies(_OneSchema())), records, bare


def _values(count: int) -> Sequence[bytes]:
    schema = parse_schema(_SCHEMA)
    values = []
    for each in orders(count):
        attributes = {name: each.attributes[name] for name in ("id", "source", "subject")}
        time = datetime.fromisoformat(each.attributes["time"])
        order = msgspec.json.decode(each.data or b"")
        out = BytesIO(b"\0\0\0\0\1")
        out.seek(5)
        schemaless_writer(out, schema, {**attributes, "time": time, **order})
        values.append(out.getvalue())
    return values
