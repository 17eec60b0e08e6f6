"""The forms in which the benchmark's orders may come: how ours reads each, and how the bare library does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from benchmarks.orders import TOPIC, Order, OrderPlaced, orders
from consumer.adapters.codecs.cloudevents import CloudEvents
from consumer.adapters.codecs.envelope import Envelope
from consumer.adapters.codecs.json import Json
from consumer.model.outgoing import Outgoing
from consumer.model.position import IntOffset, Partition
from consumer.model.record import Record
from consumer.ports.codec import Codec

Headers = Sequence[tuple[str, bytes | None]]


class Form(msgspec.Struct, frozen=True):
    """The same orders, written in one form.

    The bare side is the best loop that one would write by hand on the library alone: it ends with all attributes
    typed, and the data as the type that belongs to the event's type, which it learns from the bytes; it gives the
    sum of `cents`. It has no offsets, no headers besides, no limits, and stops at the first bad byte.
    """

    codec: Codec
    records: Sequence[Record]
    bare: Callable[[Sequence[Record]], int]


#: What the bare side knows of each type of event.
DECODERS = {"OrderPlaced": msgspec.json.Decoder(Order).decode}


def recorded(values: Sequence[bytes], headers: Sequence[Headers] = ()) -> Sequence[Record]:
    """Records in memory as a source hands them out."""
    partition = Partition(TOPIC, 0)
    return [
        Record(partition, IntOffset(number), None, value, headers[number] if headers else ())
        for number, value in enumerate(values)
    ]


class _Event(msgspec.Struct, frozen=True, gc=False):
    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: datetime
    data: msgspec.Raw


def structured(count: int) -> Form:
    """CloudEvents, structured: the bare side decodes the event, typed, its data raw; then these by its type."""
    headers: Headers = [("content-type", b"application/cloudevents+json; charset=UTF-8")]
    decode = msgspec.json.Decoder(_Event).decode

    def bare(records: Sequence[Record]) -> int:
        total = 0
        for record in records:
            event = decode(record.value or b"")
            total += DECODERS[event.type](event.data).cents
        return total

    values = [each.structured() for each in orders(count)]
    return Form(CloudEvents(), recorded(values, [headers] * count), bare)


def one_type(count: int) -> Form:
    """The same, on a topic known to hold one type alone: the bare side decodes event and data in one pass."""
    decode = msgspec.json.Decoder(OrderPlaced).decode
    form = structured(count)
    return Form(
        form.codec,
        form.records,
        lambda records: sum(decode(record.value or b"").data.cents for record in records),
    )


class _Attributes(msgspec.Struct, frozen=True, gc=False):
    id: str = msgspec.field(name="ce_id")
    source: str = msgspec.field(name="ce_source")
    type: str = msgspec.field(name="ce_type")
    subject: str = msgspec.field(name="ce_subject")
    time: datetime = msgspec.field(name="ce_time")


def binary(count: int) -> Form:
    """CloudEvents, binary: the bare side takes the attributes out of the headers, typed, and decodes the data."""
    events = list(orders(count))
    headers: list[Headers] = [
        [(f"ce_{name}", value.encode()) for name, value in each.attributes.items()]
        + [("content-type", b"application/json")]
        for each in events
    ]

    def bare(records: Sequence[Record]) -> int:
        total = 0
        for record in records:
            texts = {name: value.decode() for name, value in record.headers if value is not None}
            event = msgspec.convert(texts, _Attributes)
            total += DECODERS[event.type](record.value or b"").cents
        return total

    return Form(CloudEvents(), recorded([each.data or b"" for each in events], headers), bare)


class _Enveloped(msgspec.Struct, frozen=True, gc=False):
    id: str
    type: str
    aggregate_id: str
    time: datetime
    data: msgspec.Raw


def envelope(count: int) -> Form:
    """The plain envelope: the bare side decodes the event, typed, its data raw; then these by its type."""
    decode = msgspec.json.Decoder(_Enveloped).decode

    def bare(records: Sequence[Record]) -> int:
        total = 0
        for record in records:
            event = decode(record.value or b"")
            total += DECODERS[event.type](event.data).cents
        return total

    return Form(Envelope(), recorded([_enveloped(each) for each in orders(count)]), bare)


def places(count: int) -> Form:
    """JSON with places: the same bytes, and the same bare side, as the plain envelope."""
    codec = Json(
        type="field:type",
        id="field:id",
        aggregate_id="field:aggregate_id",
        time="field:time",
        data="field:data",
    )
    form = envelope(count)
    return Form(codec, form.records, form.bare)


def _enveloped(event: Outgoing) -> bytes:
    attributes = event.attributes
    return msgspec.json.encode(
        {
            "id": attributes["id"],
            "type": attributes["type"],
            "aggregate_id": attributes["subject"],
            "time": attributes["time"],
            "data": msgspec.Raw(event.data or b""),
        }
    )
