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
  google.protobuf.Timestamp time = 2;
  Order order = 3;
  message Order { string customer_id = 1; int64 cents = 2; }
}
"""

_FRAME = b"\0\0\0\0\7"
_DECODERS = {_FRAME: msgspec.json.Decoder(Order).decode}


class _Known(msgspec.Struct):
    """A registry that has its one schema at hand."""

    only: Registered

    def schema(self, schema_id: SchemaId) -> Registered:
        return self.only


class OrderPlaced(msgspec.Struct, frozen=True, gc=False):
    """A whole event, typed: what both sides end with."""

    id: str
    time: datetime
    order: Order


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
    """Protobuf: the bare side parses the message, and takes what it wants out of it by hand."""
    schema = Registered("schema 7", "PROTOBUF", _ORDER_PLACED)
    message: Any = GetMessageClass(compiled(schema).message_types_by_name["OrderPlaced"])
    parse = message.FromString

    def bare(records: Sequence[Record]) -> int:
        total = 0
        for record in records:
            read = parse((record.value or b"")[6:])
            order = Order(read.order.customer_id, read.order.cents)
            total += OrderPlaced(read.id, read.time.ToDatetime(UTC), order).order.cents
        return total

    values = []
    for each in orders(count):
        order = msgspec.json.decode(each.data or b"")
        written = message(id=each.attributes["id"], order=order)
        written.time.FromJsonString(each.attributes["time"])
        values.append(_FRAME + b"\0" + written.SerializeToString())
    codec = SchemaRegistry(
        Bodies(_Known(schema)), id="field:id", time="field:time", data="field:order"
    )
    return Form(codec, recorded(values), bare)


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
