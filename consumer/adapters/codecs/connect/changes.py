"""The change of a row, in each form in which Debezium writes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw

from consumer.adapters.codecs.connect.envelopes import BEGINNING, Envelopes
from consumer.adapters.codecs.connect.framed import Bodies, Framed, Schemas
from consumer.adapters.codecs.connect.schemas import converted, fields_of_avro, fields_of_json
from consumer.adapters.codecs.connect.sources import Source
from consumer.adapters.codecs.connect.unavailable import may_be_in, raw_without, without
from consumer.adapters.codecs.connect.values import Way
from consumer.model.record import Record

#: Debezium's letters, as words.
OPERATIONS: Mapping[str | None, str] = {
    "c": "create",
    "u": "update",
    "d": "delete",
    "r": "read",
    "t": "truncate",
}
_BEGUN = {word: b'{"op":"%b","before":' % word.encode() for word in OPERATIONS.values()}

#: What may lack a column: an update, and, of an update of the primary key, the create that is its second half.
_MAY_LACK = frozenset({"u", "c"})

#: What stands for a row that is not there.
_NULL = Raw(b"null")


class RawChange(msgspec.Struct, gc=False):
    """A change in JSON without schema: the rows are raw."""

    op: str | None = None
    source: Source | None = None
    before: Raw = _NULL
    after: Raw = _NULL

    def data(self, operation: str) -> Raw:
        """What a projector is given."""
        return Raw(b"".join((_BEGUN[operation], self.before, b',"after":', self.after, b"}")))


class PlainChange(msgspec.Struct, gc=False):
    """A change by a schema: the rows are Python's values."""

    op: str | None = None
    source: Source | None = None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None

    def data(self, operation: str) -> dict[str, Any]:
        """What a projector is given."""
        return {"op": operation, "before": self.before, "after": self.after}


Change = RawChange | PlainChange

_raw = msgspec.json.Decoder(RawChange).decode
_plain = msgspec.json.Decoder(PlainChange).decode
_any = msgspec.json.Decoder().decode


class Changes:
    """Reads changes. A column of `after` that Debezium was not told is left out."""

    def __init__(self, bodies: Bodies | None) -> None:
        self._framed = Framed(bodies)
        self._envelopes = Envelopes(lambda schema: _row(fields_of_json(schema)))
        self._schemas = Schemas(lambda schema: _row(fields_of_avro(schema)))

    def change(self, record: Record, value: bytes) -> Change:
        """The change; one without `op` is none. Raises one of `BAD_BYTES` where the bytes are bad."""
        if value.startswith(BEGINNING):
            payload, way = self._envelopes.opened(record.partition.topic, value)
            if way is None:
                return _raw_change(payload)
            change = _plain(payload)
        else:
            is_json = value[:1] == b"{" and not self._framed.may_be_in_headers
            body = None if is_json else self._framed.value(record, value)
            if body is None or isinstance(body.data, Raw):  # of JSON Schema
                return _raw_change(value if body is None else body.data)
            change, way = msgspec.convert(body.data, PlainChange), self._schemas.of(body)
        if change.op in _MAY_LACK and may_be_in(value):
            change.after = without(change.after)
        if way is not None:
            change.before = converted(way, change.before)
            change.after = converted(way, change.after)
        return change

    def whole(self, record: Record, value: bytes) -> Any:
        """All that the value holds, as it is written."""
        if value.startswith(BEGINNING):
            return _any(self._envelopes.opened(record.partition.topic, value)[0])
        body = self._framed.value(record, value)
        if body is None or isinstance(body.data, Raw):
            return _any(value if body is None else body.data)
        return body.data


def _raw_change(value: bytes | memoryview | Raw) -> RawChange:
    change = _raw(value)
    if change.op in _MAY_LACK and may_be_in(bytes(change.after)):
        change.after = raw_without(change.after)
    return change


def _row(fields: Mapping[str, Way | None]) -> Way | None:
    """Before and after are rows of one table."""
    return fields.get("after") or fields.get("before")
