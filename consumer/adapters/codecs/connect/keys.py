"""Keys as Connect writes them, as aggregate ids."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec
from msgspec import Raw, ValidationError

from consumer.adapters.codecs.connect.envelopes import BEGINNING, Envelopes
from consumer.adapters.codecs.connect.framed import Bodies, Framed, Schemas
from consumer.adapters.codecs.connect.schemas import converted, way_of_avro, way_of_json
from consumer.adapters.codecs.reading import aggregate_of_key
from consumer.adapters.codecs.registry.body import Body
from consumer.model.event import BAD_BYTES
from consumer.model.record import Record

#: How a key in JSON begins.
_JSON = frozenset({b"{", b'"'})

_decode = msgspec.json.Decoder().decode


class Keys:
    """Reads keys, which are JSON with schema or without, framed Avro, or just text."""

    def __init__(self, bodies: Bodies | None) -> None:
        self._framed = Framed(bodies)
        self._envelopes = Envelopes(way_of_json)
        self._schemas = Schemas(way_of_avro)

    def aggregate_id(self, record: Record) -> str:
        """A key of one field as that field's text, of several as JSON, an array of them; "" without a key.

        `Undecodable` if it is framed and cannot be read, or is no text.
        """
        key = record.key
        if key is None:
            return ""
        first = key[:1]
        if first != b"{" or self._framed.may_be_in_headers:
            body = self._framed.key(record, key)
            if body is not None:
                return self._of_body(body)
            if first not in _JSON:
                return aggregate_of_key(record)
        return self._of_json(record, key)

    def _of_body(self, body: Body) -> str:
        if isinstance(body.data, Raw):  # of JSON Schema
            return _told(_decode(body.data))
        return _told(converted(self._schemas.of(body), body.data))

    def _of_json(self, record: Record, key: bytes) -> str:
        try:
            if key.startswith(BEGINNING):
                # Where it is none, it is a key of JSON whose first column is called so.
                with suppress(ValidationError):
                    payload, way = self._envelopes.opened(record.partition.topic, key)
                    return _told(converted(way, _decode(payload)))
            return _told(_decode(key))
        except BAD_BYTES:  # text that looks like JSON
            return aggregate_of_key(record)


def _told(key: Any) -> str:
    if isinstance(key, dict):
        if len(key) != 1:
            return msgspec.json.encode(list(key.values())).decode()
        (key,) = key.values()
    if isinstance(key, str):
        return key
    if key is None:
        return ""
    written = msgspec.json.encode(key)
    return msgspec.json.decode(written, type=str) if written[:1] == b'"' else written.decode()
