"""Avro schemas, a registry that holds a few, and records that name them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import fastavro

from consumer.adapters.codecs.registry.framing import SchemaId
from consumer.adapters.codecs.registry.registered import Reference, Registered, Unregistered
from consumer.model.position import IntOffset, Partition
from consumer.model.record import Record

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


class Kept:
    """A registry that knows a few schemas."""

    def __init__(self, schemas: dict[SchemaId, Registered]) -> None:
        self.schemas = schemas
        self.asked: list[SchemaId] = []

    def schema(self, schema_id: SchemaId) -> Registered:
        self.asked.append(schema_id)
        if schema_id not in self.schemas:
            raise Unregistered(f"http://registry knows no schema {schema_id}")
        return self.schemas[schema_id]


def registered(schema: Any, *references: Reference, type: str = "AVRO") -> Registered:
    return Registered("schema 7", type, json.dumps(schema), references)


def record(
    value: bytes | None,
    headers: Sequence[tuple[str, bytes | None]] = (),
    key: bytes | None = b"the key",
    fault: str | None = None,
) -> Record:
    return Record(Partition("orders", 3), IntOffset(41), key, value, headers, NOON, fault)


def framed(schema_id: int, body: bytes) -> bytes:
    return b"\0" + schema_id.to_bytes(4) + body


def bytes_of(schema: Any, value: Any) -> bytes:
    out = BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), value)
    return out.getvalue()


def number(value: int) -> bytes:
    return bytes_of("long", value)


def a_record(*fields: Any, name: str = "Placed", namespace: str = "shop", **more: Any) -> Any:
    return {"type": "record", "name": name, "namespace": namespace, "fields": list(fields), **more}


def field(name: str, type: Any, **more: Any) -> Any:
    return {"name": name, "type": type, **more}


def logical(type: str, logicalType: str, **more: Any) -> Any:  # noqa: N803 - Avro's own word
    return {"type": type, "logicalType": logicalType, **more}
