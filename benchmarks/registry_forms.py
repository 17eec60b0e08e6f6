"""The benchmark's orders as a schema registry's serializers write them: Avro, Protobuf and JSON Schema."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import msgspec
from fastavro import parse_schema, schemaless_reader, schemaless_writer
from google.protobuf.message_factory import GetMessageClass

from benchmarks.forms import Form, recorded
from benchmarks.orders import Order, orders
from consumer.adapters.codecs.registry.bodies import Bodies
from consumer.adapters.codecs.registry.codec import SchemaRegistry
from consumer.adapters.codecs.registry.framing import SchemaId
from consumer.adapters.codecs.registry.protobuf_schemas import compiled
from consumer.adapters.codecs.registry.registered import Registered
from consumer.model.record import Record

_ORDER = {
    "type": "record",
    "name": "shop.OrderPlaced",
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "source", "type": "string"},
        {"name": "subject", "type": "string"},
        {"name": "time", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "customer_id", "type": "string"},
        {"name": "cents", "type": "int"},
    ],
}

_ORDER_PLACED = """
syntax = "proto3";
package shop;
import "google/protobuf/timestamp.proto";
message OrderPlaced {
  string id = 1;
  string source = 2;
  string subject = 3;
  google.protobuf.Timestamp time = 4;
  string customer_id = 5;
  int64 cents = 6;
}
"""

_FRAME = b"\0\0\0\0\7"
_DECODERS = {_FRAME: msgspec.json.Decoder(Order).decode}


class _Known(msgspec.Struct):
    """A registry that has its one schema at hand."""

    only: Registered

    def schema(self, schema_id: SchemaId) -> Registered:
        return self.only


class _Placed(msgspec.Struct, frozen=True, gc=False):
    """All that the message holds, typed."""

    id: str
    source: str
    subject: str
    time: datetime
    customer_id: str
    cents: int


def avro(count: int) -> Form:
    """Avro without places, as most is read: the bare side finds the schema by its id, and makes the data typed."""
    schema = parse_schema(_ORDER)
    schemas = {_FRAME: schema}

    def bare(records: Sequence[Record]) -> int:
        total = 0
        for record in records:
            value = record.value or b""
            data = schemaless_reader(BytesIO(value[5:]), schemas[value[:5]], None)
            total += msgspec.convert(data, Order).cents
        return total

    values = []
    for each in orders(count):
        out = BytesIO()
        written = {name: each.attributes[name] for name in ("id", "source", "subject")}
        written |= msgspec.json.decode(each.data or b"")
        written["time"] = datetime.fromisoformat(each.attributes["time"])
        schemaless_writer(out, schema, written)
        values.append(_FRAME + out.getvalue())
    registered = Registered("schema 7", "AVRO", msgspec.json.encode(_ORDER).decode())
    return Form(SchemaRegistry(Bodies(_Known(registered))), recorded(values), bare)


def protobuf(count: int) -> Form:
    """Protobuf without places, as most is read: the bare side finds the parser by the schema's id, and takes the
    fields out of the message by hand, as the library has them, into a type.
    """
    schema = Registered("schema 7", "PROTOBUF", _ORDER_PLACED)
    message: Any = GetMessageClass(compiled(schema).message_types_by_name["OrderPlaced"])
    parsers = {_FRAME: message.FromString}

    def bare(records: Sequence[Record]) -> int:
        total = 0
        for record in records:
            value = record.value or b""
            read = parsers[value[:5]](value[6:])
            time = read.time.ToDatetime(UTC)
            placed = _Placed(read.id, read.source, read.subject, time, read.customer_id, read.cents)
            total += placed.cents
        return total

    values = []
    for each in orders(count):
        written = message(**{name: each.attributes[name] for name in ("id", "source", "subject")})
        written.MergeFrom(message(**msgspec.json.decode(each.data or b"")))
        written.time.FromJsonString(each.attributes["time"])
        values.append(_FRAME + b"\0" + written.SerializeToString())
    return Form(SchemaRegistry(Bodies(_Known(schema))), recorded(values), bare)


def json_schema(count: int) -> Form:
    """JSON Schema without places, as most are read: the bare side knows the type by the schema's id, and decodes."""
    schema = Registered("schema 7", "JSON", '{"title": "OrderPlaced"}')

    def bare(records: Sequence[Record]) -> int:
        total = 0
        for record in records:
            value = record.value or b""
            total += _DECODERS[value[:5]](value[5:]).cents
        return total

    values = [_FRAME + (each.data or b"") for each in orders(count)]
    return Form(SchemaRegistry(Bodies(_Known(schema))), recorded(values), bare)
