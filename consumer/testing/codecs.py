"""What must hold of any codec: a check that plays records which nobody meant to write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from consumer.errors import Transient, Undecodable
from consumer.model.event import Event
from consumer.model.record import Record
from consumer.ports.codec import Codec

#: A value is cut off, and a byte of it changed, at so many places at most.
_PLACES = 50
#: So many values, keys and headers of any kind are tried where hypothesis chooses.
_EXAMPLES = 200

#: What an event is, but for its data and metadata, which may be raw or not looked at yet.
_FACTS = tuple(name for name in Event.__struct_fields__ if name not in {"data", "metadata"})


def assert_codec_holds(codec: Codec, record: Record, *more: Record) -> None:
    """Fails where the codec does not read these records, or raises anything but `Undecodable` for others.

    Each record must be an event, or several, at the record's place, and the same each time. Then it comes damaged:
    without value, key or headers, cut off, with bytes changed, twice over; and, where hypothesis is installed, with
    any bytes at all. Data is decoded too, to plain values. `Transient` is taken for an answer.
    """
    __tracebackhide__ = True
    for readable in (record, *more):
        _refuse_what_is_not_read(codec, readable)
        for damaged in _damaged(readable):
            _refuse_other_errors(codec, damaged)
        _replace_by_anything(codec, readable)


def _refuse_what_is_not_read(codec: Codec, record: Record) -> None:
    __tracebackhide__ = True
    try:
        once, again = ([_facts(each) for each in _events(codec, record)] for _ in range(2))
    except Undecodable as cause:
        raise AssertionError(f"{_name(codec)} does not read a record: {cause}") from cause
    if once != again:
        raise AssertionError(
            f"{_name(codec)} made of the same record\n  once:  {once}\n  again: {again}"
        )
    for facts in once:
        if (facts["partition"], facts["offset"]) != (record.partition, record.offset):
            raise AssertionError(f"{_name(codec)} lost the record's place: {facts}")


def _refuse_other_errors(codec: Codec, record: Record) -> None:
    __tracebackhide__ = True
    try:
        for event in _events(codec, record):
            event.decode(object)
            dict(event.metadata)
    except Transient:
        pass
    except Undecodable as raised:
        if (raised.partition, raised.offset) != (record.partition, record.offset):
            raise AssertionError(f"{_name(codec)} names another place: {raised}") from raised
    except Exception as cause:
        raise AssertionError(
            f"{_name(codec)} raised {type(cause).__name__}, and not Undecodable, for {record}"
        ) from cause


def _damaged(record: Record) -> Iterator[Record]:
    whole = record.value or b""
    values = [None, b"", whole + whole]
    for at in range(0, len(whole), max(1, -(-len(whole) // _PLACES))):
        values += whole[:at], whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :]
    for value in values:
        yield _with(record, value=value)
        yield _with(record, value=value, headers=())
    yield _with(record, key=None)
    yield _with(record, key=b"\xff")
    yield _with(record, headers=[*record.headers, *record.headers])
    for name, _ in record.headers:
        for odd in (None, b"", b"\xff"):
            yield _with(record, headers=[*_without(record.headers, name), (name, odd)])


def _replace_by_anything(codec: Codec, record: Record) -> None:
    try:
        from hypothesis import HealthCheck, given, settings
        from hypothesis import strategies as st
    except ImportError:
        return

    some = st.none() | st.binary()
    names = st.sampled_from([name for name, _ in record.headers] or ["content-type"]) | st.text()

    @settings(
        max_examples=_EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(some, some, st.lists(st.tuples(names, some), max_size=5))
    def anything(value: bytes | None, key: bytes | None, headers: Any) -> None:
        _refuse_other_errors(codec, _with(record, value=value, key=key))
        _refuse_other_errors(codec, _with(record, value=value, key=key, headers=headers))

    anything()


def _events(codec: Codec, record: Record) -> Sequence[Event]:
    decoded: Event | Sequence[Event] = codec.decode(record)
    return [decoded] if isinstance(decoded, Event) else decoded


def _facts(event: Event) -> dict[str, Any]:
    return {name: getattr(event, name) for name in _FACTS}


def _with(record: Record, **changes: Any) -> Record:
    return msgspec.structs.replace(record, **changes)


def _without(headers: Sequence[tuple[str, bytes | None]], name: str) -> Sequence[Any]:
    return [header for header in headers if header[0] != name]


def _name(codec: Codec) -> str:
    return type(codec).__name__
