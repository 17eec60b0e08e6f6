"""The benchmark's orders as rows of a table, as Debezium tells of them: JSON with a schema, and without."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from benchmarks.forms import DECODERS, Form
from benchmarks.orders import Order, orders
from consumer.adapters.codecs.connect.debezium import Debezium
from consumer.model.position import IntOffset, Partition
from consumer.model.record import Record
from projectors import Change

_TEXT, _INT = {"type": "string", "optional": False}, {"type": "int64", "optional": False}


class OrderChange(Change[Order], frozen=True):
    """What a projector declares."""

    @property
    def cents(self) -> int:
        """Of the row as it is."""
        return self.row.cents


class _Source(msgspec.Struct, frozen=True, gc=False):
    schema: str
    table: str
    ts_ms: int
    lsn: int


class _Change(msgspec.Struct, frozen=True, gc=False):
    op: str
    source: _Source
    before: msgspec.Raw
    after: msgspec.Raw


class _Message(msgspec.Struct, frozen=True, gc=False):
    payload: _Change


class _Key(msgspec.Struct, frozen=True, gc=False):
    customer_id: str


class _KeyMessage(msgspec.Struct, frozen=True, gc=False):
    payload: _Key


_DECODERS = {"public.orders": DECODERS["OrderPlaced"]}
_change = msgspec.json.Decoder(_Change).decode
_key = msgspec.json.Decoder(_Key).decode
_message = msgspec.json.Decoder(_Message).decode
_key_message = msgspec.json.Decoder(_KeyMessage).decode


def plain(count: int) -> Form:
    """Without a schema: the bare side decodes the change, typed, its rows raw, and the key; then the row by its table."""

    def bare(records: Sequence[Record]) -> int:
        total = 0
        for record in records:
            total += _cents(_change(record.value or b""), _key(record.key or b""))
        return total

    return Form(Debezium(), _records(count, with_schema=False), bare, OrderChange)


def schema(count: int) -> Form:
    """With a schema: the bare side passes over it, in the same one pass, and is else as without."""

    def bare(records: Sequence[Record]) -> int:
        total = 0
        for record in records:
            key = _key_message(record.key or b"").payload
            total += _cents(_message(record.value or b"").payload, key)
        return total

    return Form(Debezium(), _records(count, with_schema=True), bare, OrderChange)


class _Event(msgspec.Struct, frozen=True, gc=False):
    """What the bare side knows of a change."""

    type: str
    op: str
    aggregate_id: str
    sequence: int
    time: datetime
    after: Order


def _cents(change: _Change, key: _Key) -> int:
    source = change.source
    table = f"{source.schema}.{source.table}"
    time = datetime.fromtimestamp(source.ts_ms / 1000, UTC)
    after = _DECODERS[table](change.after)
    return _Event(table, change.op, key.customer_id, source.lsn, time, after).after.cents


def _records(count: int, *, with_schema: bool) -> Sequence[Record]:
    written = _with_schema if with_schema else msgspec.json.encode
    partition = Partition("shop.public.orders", 0)
    return [
        Record(
            partition,
            IntOffset(number),
            written({"customer_id": each.attributes["subject"]}),
            written(_payload(number, msgspec.json.decode(each.data or b""))),
        )
        for number, each in enumerate(orders(count))
    ]


def _payload(number: int, row: Any) -> dict[str, Any]:
    milliseconds = 1_796_049_360_367 + number
    source = {
        "version": "3.6.1.Final",
        "connector": "postgresql",
        "name": "shop",
        "ts_ms": milliseconds,
        "snapshot": "false",
        "db": "postgres",
        "sequence": f'[null,"{24_129_672 + number}"]',
        "ts_us": milliseconds * 1000,
        "ts_ns": milliseconds * 1_000_000,
        "schema": "public",
        "table": "orders",
        "txId": 765,
        "lsn": 24_129_672 + number,
        "xmin": None,
    }
    times = {"ts_ms": milliseconds, "ts_us": milliseconds * 1000, "ts_ns": milliseconds * 1_000_000}
    return {"before": None, "after": row, "source": source, "transaction": None, "op": "c", **times}


def _with_schema(payload: dict[str, Any]) -> bytes:
    return msgspec.json.encode({"schema": _struct(payload), "payload": payload})


def _struct(value: dict[str, Any]) -> dict[str, Any]:
    row = {"customer_id": "", "cents": 0}
    return {
        "type": "struct",
        "fields": [
            {**_field(row if name in {"before", "after"} else each), "field": name}
            for name, each in value.items()
        ],
        "optional": False,
    }


def _field(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return _struct(value)
    return _INT if isinstance(value, int) else _TEXT
