"""The plain envelope: `{id, type, aggregate_id, version, time, data, metadata}`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from consumer.adapters.codecs.reading import (
    MAX_BYTES,
    aggregate_of_key,
    check,
    clue,
    header_values,
    refused,
    tombstone,
)
from consumer.model.event import BAD_BYTES, Event, reason
from consumer.model.record import Record

_Text = Annotated[str, Meta(min_length=1)]


class _Envelope(msgspec.Struct, frozen=True, gc=False):
    id: _Text
    type: _Text
    aggregate_id: str | None = None
    version: Annotated[int, Meta(ge=0)] = 1
    sequence: int | None = None
    time: Annotated[datetime, Meta(tz=True)] | None = None
    data: Raw | UnsetType = UNSET
    metadata: dict[str, Any] | None = None


_decode = msgspec.json.Decoder(_Envelope).decode


class Envelope:
    """Decodes values that are one JSON object `{id, type, aggregate_id, version, time, data, metadata}`.

    `id` and `type` must be there. The others default to: the key, 1, the broker's time, no data, and
    nothing; `sequence`, the number within the aggregate, is optional too. `data` stays `msgspec.Raw`.
    The metadata is the object's and the record's headers, of which it hides those of its names; other
    members of the object are ignored. A value of None is an event of type "tombstone".

    Of members that an object repeats the last wins.
    """

    def __init__(self, *, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes

    def decode(self, record: Record) -> Event:
        """The event; `Undecodable` if the record holds none, and nothing else is raised."""
        value = record.value
        if value is None or record.fault is not None or len(value) > self._max_bytes:
            check(record, value, self._max_bytes)
        if value is None:
            return tombstone(record)
        try:
            envelope = _decode(value)
        except BAD_BYTES as cause:
            raise refused(
                record, f"no event in its envelope: {reason(cause)}{clue(value)}"
            ) from cause
        metadata = envelope.metadata or {}
        return Event(  # by position: names would cost a tenth
            envelope.id,
            envelope.type,
            envelope.aggregate_id or aggregate_of_key(record),
            record.partition,
            record.offset,
            None if envelope.data is UNSET else envelope.data,
            envelope.version,
            envelope.sequence,
            envelope.time or record.time,
            record.key,
            header_values(record) | metadata if record.headers else metadata,
        )
