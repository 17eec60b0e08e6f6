"""CloudEvents 1.0 in JSON: structured and batched, the Kafka binding's binary mode, entries of Redis Streams."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from consumer.adapters.codecs.attributes import (
    STRUCTURED,
    attributes,
    is_json,
    is_taken,
    other_values,
)
from consumer.adapters.codecs.metadata import Metadata
from consumer.adapters.codecs.reading import (
    MAX_BYTES,
    aggregate_of_key,
    check,
    clue,
    header_values,
    refused,
    tombstone,
    whole,
)
from consumer.errors import Undecodable
from consumer.model.event import BAD_BYTES, Event, parts, reason
from consumer.model.record import Record

_Text = Annotated[str, Meta(min_length=1)]


class _Envelope(msgspec.Struct, frozen=True, gc=False):
    """The attributes that an event is made of; the others wait in the metadata."""

    specversion: str
    id: _Text
    source: _Text
    type: _Text
    subject: str | None = None
    time: Annotated[datetime, Meta(tz=True)] | None = None
    schemaversion: Annotated[int, Meta(ge=0)] | str | None = 1
    sequence: int | float | str | bool | None = None
    datacontenttype: str | None = None
    data: Raw | UnsetType = UNSET
    data_base64: str | None = None


class _Outline(msgspec.Struct, frozen=True, gc=False):
    """What each event has at least."""

    specversion: Raw
    id: Raw
    source: Raw
    type: Raw


#: Bytes of a batch that need no look at the outlines of its events. They are looked at before the events are taken
#: apart, for that ends at the first that is none: 10 MB of `[0,0,0` took 370 MB.
_FEW = 100_000
_outlines = msgspec.json.Decoder(list[_Outline]).decode

#: What most data is; asked for first, for a call costs more.
_JSON = (None, "application/json")

_decode = msgspec.json.Decoder(_Envelope).decode
_OTHERS = {prefix: partial(other_values, prefix=prefix) for prefix in ("ce_", "")}
_members = msgspec.json.Decoder(dict[str, Raw])
_members_of = msgspec.json.Decoder(list[Raw]).decode
_string = msgspec.json.Decoder(str).decode


class CloudEvents:
    """Decodes CloudEvents 1.0, whichever way the record carries them.

    - Structured: the value is the event, one JSON object, with or without the content type's header.
    - Batched: the value is a JSON array of such objects, be it empty, with or without that header. It is a
      record that bundles events: where one of them is none, the whole is `Undecodable`.
    - Binary: headers `ce_id`, `ce_type` ... and `content-type`; the value is the data.
    - An entry of a Redis stream: fields `id`, `type` ... without prefix, and the data in `data`.

    The aggregate id is the `subject`; without one it is the key, and without a key "". The extension
    `schemaversion` is the schema version (1 if absent), `sequence` the number within the aggregate
    (one that is not a whole number stays in the metadata). An event without `time` has the broker's.
    JSON data stays `msgspec.Raw`; data of another content type is `bytes`, in structured mode from
    `data_base64` or a text. The metadata holds `source` and all else, headers included. A value of None is an
    event without data, and where headers say nothing of it, one of type "tombstone".

    Of members that an object repeats the last wins; a repeated header that an event is made of is
    `Undecodable`.
    """

    def __init__(self, *, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes

    def decode(self, record: Record) -> Event | Sequence[Event]:
        """The event, or those of a batch; `Undecodable` if the record holds none, and nothing else is raised."""
        value, headers = record.value, record.headers
        if value is None or record.fault is not None or len(value) > self._max_bytes:
            check(record, value, self._max_bytes)
        found = attributes(record) if headers and headers[0] not in STRUCTURED else None
        if found is not None:
            envelope, data, metadata = _from_headers(record, *found)
        elif value is None:
            return tombstone(record)
        else:  # the hot path: a call less is a tenth of its time, and so are names of arguments below
            try:
                envelope = _decode(value)
            except BAD_BYTES as cause:
                if value.lstrip().startswith(b"["):
                    return self._decode_batch(record, value)
                raise refused(record, f"no CloudEvent: {reason(cause)}{clue(value)}") from cause
            metadata = Metadata(_other_members, record)
            data = envelope.data
            if data is UNSET or envelope.data_base64 is not None:
                data = _unpacked(record, envelope)
            elif envelope.datacontenttype not in _JSON and not is_json(envelope.datacontenttype):
                data = _content(record, data)
        version, sequence = envelope.schemaversion, envelope.sequence
        if envelope.specversion != "1.0" and not envelope.specversion.startswith("1."):
            raise refused(record, "the specversion is not 1.x")
        return Event(
            envelope.id,
            envelope.type,
            envelope.subject or aggregate_of_key(record),
            record.partition,
            record.offset,
            data,
            version if isinstance(version, int) else _version(record, version),
            sequence if sequence is None else whole(sequence),
            envelope.time or record.time,
            record.key,
            metadata,
        )

    def _decode_batch(self, record: Record, value: bytes) -> list[Event]:
        """Each event as if it stood alone in the record."""
        try:
            if len(value) > _FEW:
                _outlines(value)
            members = _members_of(value)
        except BAD_BYTES as cause:
            raise refused(record, f"no batch of CloudEvents: {reason(cause)}") from cause
        events: list[Event] = []
        for number, member in enumerate(members, 1):
            alone = msgspec.structs.replace(record, value=bytes(member))
            try:
                events.append(self._decode_member(alone))
            except Undecodable as cause:
                why = f"event {number} of {len(members)}: {cause.why}"
                raise Undecodable(record.partition, record.offset, why) from cause
        return events

    def _decode_member(self, alone: Record) -> Event:
        """As a record of its own, whatever the batch's headers say."""
        if not (alone.value or b"").startswith(b"{"):
            raise refused(alone, "it is no JSON object")
        whole = msgspec.structs.replace(alone, headers=STRUCTURED[:1])
        (event,) = parts(self.decode(whole))
        return msgspec.structs.replace(event, metadata=Metadata(_other_members, alone))


def _from_headers(
    record: Record, found: Mapping[str, str], prefix: str
) -> tuple[_Envelope, Any, Metadata]:
    try:
        envelope = msgspec.convert(found, _Envelope)
    except BAD_BYTES as cause:
        raise refused(record, f"no CloudEvent in the headers: {reason(cause)}") from cause
    data: Any = record.value
    if data is not None and is_json(found.get("datacontenttype")):
        data = Raw(data) if data else None
    return envelope, data, Metadata(_OTHERS[prefix], record)


def _version(record: Record, digits: str | None) -> int:
    version = 1 if digits is None else whole(digits)
    if version is None:
        raise refused(record, "the schemaversion is not a whole number")
    return version


def _content(record: Record, data: Raw) -> Raw | bytes:
    """Data that is not JSON stands there as a text; what is none is taken for JSON nevertheless."""
    try:
        return _string(data).encode()
    except msgspec.ValidationError:
        return data
    except BAD_BYTES as cause:
        raise refused(record, f"its data: {reason(cause)}") from cause


def _unpacked(record: Record, envelope: _Envelope) -> Raw | bytes | None:
    if envelope.data_base64 is None:
        return None
    if envelope.data is not UNSET:
        raise refused(record, "it has both data and data_base64")
    try:
        data = b64decode(envelope.data_base64, validate=True)
    except ValueError as cause:
        raise refused(record, "data_base64 is not base64") from cause
    if not is_json(envelope.datacontenttype):
        return data
    return Raw(data) if data else None


def _other_members(record: Record) -> Mapping[str, Any]:
    values = header_values(record)
    try:
        for name, raw in _members.decode(record.value or b"").items():
            if name in {"data", "data_base64"}:
                continue
            value = msgspec.json.decode(raw)
            if not is_taken(name, value):
                values[name] = value
    except BAD_BYTES as cause:
        raise refused(record, f"an attribute of the CloudEvent: {reason(cause)}") from cause
    return values
