"""Debezium's change events: what became of the rows of a table."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from consumer.adapters.codecs.connect.changes import OPERATIONS, Changes
from consumer.adapters.codecs.connect.framed import Bodies
from consumer.adapters.codecs.connect.keys import Keys
from consumer.adapters.codecs.metadata import Metadata
from consumer.adapters.codecs.reading import (
    MAX_BYTES,
    TOMBSTONE,
    check,
    header_values,
    place_of,
    refused,
)
from consumer.model.event import BAD_BYTES, Event, reason
from consumer.model.record import Record

_TRUNCATE = "t"

_ROWS = frozenset({"before", "after"})
#: Fewer milliseconds since 1970 are exact as a float, which is faster.
_EXACT = 1 << 42
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Debezium:
    """Decodes what Debezium's connectors write: JSON with schema and without, and framed Avro through `bodies`.

    A change of a row is an event whose type is the table's name (`public.customers`; the database's in front
    where there are no schemas), with the data `{op, before, after}`; `op` is `create`, `update`, `delete`, or
    `read` for what a snapshot found. A table that was emptied is of type `public.customers.truncated`. The
    aggregate id is the key: the text of its field, or a JSON array of several; "" without a key. By a schema
    the rows are Python's values (see `values`); without one, and where it gives no column another meaning than
    JSON does, data stays `msgspec.Raw`.

    The id is made of the table, the key and the position in the database's log, where these are known, so it is
    the same when the connector writes the change again. PostgreSQL's and MySQL's positions are the sequence too, for changes of
    tables that have a key. The time is the database's; the metadata holds all but the rows, and the headers.

    A value of None is an event of type "tombstone". Heartbeats, borders of transactions, changes of tables'
    schemas and messages of PostgreSQL's log are of the types `debezium.heartbeat`, `debezium.transaction`,
    `debezium.schema-change` and `debezium.message`, with the value as it is for data.
    """

    def __init__(self, *, bodies: Bodies | None = None, max_bytes: int = MAX_BYTES) -> None:
        self._changes = Changes(bodies)
        self._keys = Keys(bodies)
        self._max_bytes = max_bytes

    def decode(self, record: Record) -> Event:
        """The event; `Undecodable` if the record holds none, and `Transient` where the registry is away."""
        value = record.value
        if value is None or record.fault is not None or len(value) > self._max_bytes:
            check(record, value, self._max_bytes)
        try:
            aggregate_id = self._keys.aggregate_id(record)
            if value is None:
                return _event(record, TOMBSTONE, aggregate_id, None, header_values(record))
            change = self._changes.change(record, value)
            source, op = change.source, change.op
            operation = OPERATIONS.get(op)
            if source is None or operation is None:
                return self._other(record, value, aggregate_id)
            table, milliseconds = source.table_name, source.ts_ms
            position, sequence = source.place
            return Event(
                f"{table}:{position}:{op}:{aggregate_id}"
                if position and aggregate_id
                else place_of(record),
                f"{table}.truncated" if op == _TRUNCATE else table,
                aggregate_id,
                record.partition,
                record.offset,
                change.data(operation),
                1,
                sequence if aggregate_id else None,
                record.time if milliseconds is None else _instant(milliseconds),
                record.key,
                Metadata(self._around, record),
            )
        except BAD_BYTES as cause:
            raise refused(record, f"no change of a table: {reason(cause)}") from cause

    def _other(self, record: Record, value: bytes, aggregate_id: str) -> Event:
        """What is no change of a row, and still no mistake."""
        whole = self._changes.whole(record, value)
        kind = _kind(whole)
        if kind is None:
            raise refused(
                record,
                "no change of a table: it has no op that we know. If the connector sends rows alone "
                "(ExtractNewRecordState), take that transform out of it, or read them with the codec json",
            )
        return _event(record, f"debezium.{kind}", aggregate_id, whole, header_values(record))

    def _around(self, record: Record) -> Mapping[str, Any]:
        try:
            whole = self._changes.whole(record, record.value or b"")
        except BAD_BYTES as cause:
            raise refused(record, f"the metadata of the change: {reason(cause)}") from cause
        around = {name: value for name, value in whole.items() if name not in _ROWS}
        return header_values(record) | around


def _event(
    record: Record, type: str, aggregate_id: str, data: Any, metadata: Mapping[str, Any]
) -> Event:
    return Event(
        id=place_of(record),
        type=type,
        aggregate_id=aggregate_id,
        partition=record.partition,
        offset=record.offset,
        data=data,
        time=record.time,
        key=record.key,
        metadata=metadata,
    )


def _kind(whole: Any) -> str | None:
    match whole:
        case {"op": "m", "message": _}:
            return "message"
        case {"ddl": _} | {"tableChanges": _}:
            return "schema-change"
        case {"status": _, "id": _, "event_count": _}:
            return "transaction"
        case {"ts_ms": _} if all(name.startswith("ts_") for name in whole):
            return "heartbeat"
    return None


def _instant(milliseconds: int) -> datetime:
    if abs(milliseconds) < _EXACT:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    return _EPOCH + timedelta(milliseconds=milliseconds)
