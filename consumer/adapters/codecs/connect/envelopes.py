"""JSON that Connect wrote with its schema: `{"schema": ..., "payload": ...}`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Raw, ValidationError

S = TypeVar("S")

#: How such JSON begins, as Connect's converter writes it.
BEGINNING = b'{"schema":'

#: Bytes of schemas that are kept, at most: tables change, and so do theirs.
_MOST = 16 * 1024 * 1024


class _Envelope(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    schema: Raw
    payload: Raw


_decode = msgspec.json.Decoder(_Envelope).decode


class Envelopes(Generic[S]):
    """Takes schema and payload apart. `read` makes of a schema, once, what its reader wants to know of it.

    Connect repeats the schema, byte for byte, in each record of a topic, so it is compared with the last one
    before anything is decoded.
    """

    def __init__(self, read: Callable[[Any], S]) -> None:
        self._read = read
        #: Of each topic, how the last record began, up to its payload, and its schema.
        self._last: dict[str, tuple[bytes, S]] = {}
        self._schemas: dict[bytes, S] = {}
        self._size = 0

    def opened(self, topic: str, value: bytes) -> tuple[memoryview | Raw, S]:
        """The payload, in JSON, and its schema. Raises what msgspec raises: `ValidationError` for other JSON."""
        last = self._last.get(topic)
        if last is not None and value.startswith(last[0]) and value.endswith(b"}"):
            return memoryview(value)[len(last[0]) : -1], last[1]
        envelope = _decode(value)
        written, payload = bytes(envelope.schema), envelope.payload
        if not written.startswith((b"{", b"null")):
            raise ValidationError("The schema is no object")
        schema = self._schema(written)
        # Only what is written just so can be compared.
        beginning = b'%b%b,"payload":' % (BEGINNING, envelope.schema)
        if value.startswith(beginning) and len(value) == len(beginning) + len(bytes(payload)) + 1:
            self._last[topic] = beginning, schema
        return payload, schema

    def _schema(self, written: bytes) -> S:
        if written not in self._schemas:
            read = self._read(msgspec.json.decode(written))
            if self._size + len(written) > _MOST:
                self._schemas.clear()
                self._size = 0
            self._schemas[written] = read
            self._size += len(written)
        return self._schemas[written]
