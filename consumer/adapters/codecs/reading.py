"""What all codecs do alike with a record."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from consumer.errors import Undecodable
from consumer.model.event import Event, undecodable
from consumer.model.record import Record

#: The type of an event that is a tombstone and bears no type of its own.
TOMBSTONE = "tombstone"

#: Above it a value is refused before it is decoded: ten times what Kafka's brokers take unless they
#: are told otherwise. They measure after compression, so a small batch may hold a huge value.
MAX_BYTES = 10 * 1024 * 1024

#: Of a decimal's unscaled number, some 2,400 digits: to tell its digits takes time that grows with their square.
MAX_DECIMAL_BYTES = 1000

#: How values begin that are for another codec than the one that was named, and for which.
_SIGNS = {
    b"\0": "values of a schema registry do: is schema_registry the codec of this topic?",
    b"\x1f\x8b": "gzip does: name a codec of your own that unpacks it",
}

#: Numbers of more digits stand for no version or sequence (and int64 ends there).
_MOST_DIGITS = 18


def refused(record: Record, why: str) -> Undecodable:
    """The error that says why the record is no event."""
    return undecodable(record.partition, record.offset, record.value, why)


def clue(value: bytes) -> str:
    """What bytes that are no JSON look like instead, as the end of a sentence; "" for nothing that we know."""
    for sign, what in _SIGNS.items():
        if value.startswith(sign):
            return f". It begins as {what}"
    return ""


def check(record: Record, value: bytes | None, max_bytes: int) -> None:
    """Raises `Undecodable` for a record that its client could not hand out, and for one too large."""
    if record.fault is not None:
        raise refused(record, record.fault)
    if value is not None and len(value) > max_bytes:
        raise refused(record, f"the value has {len(value)} bytes, and the limit is {max_bytes}")


def tombstone(record: Record, known: Mapping[str, str] = MappingProxyType({})) -> Event:
    """The event that says that the record's key is gone; `known` is what the headers tell of it."""
    return Event(
        id=known.get("id") or place_of(record),
        type=known.get("type") or TOMBSTONE,
        aggregate_id=known.get("aggregate_id") or aggregate_of_key(record),
        partition=record.partition,
        offset=record.offset,
        time=record.time,
        key=record.key,
        metadata=header_values(record),
    )


def place_of(record: Record) -> str:
    """An id for an event whose producer gave none: the same each time the record is read."""
    # As the partition is printed, without the call; !s asks no __format__, and takes half the time.
    partition = record.partition
    return f"{partition.topic}/{partition.number}:{record.offset!s}"


def aggregate_of_key(record: Record) -> str:
    """The key as an aggregate id; "" without a key, `Undecodable` if it is not UTF-8."""
    return "" if record.key is None else text(record, "key", record.key)


def text(record: Record, name: str, value: bytes) -> str:
    """A header's or the key's text; `Undecodable` if it is not UTF-8."""
    try:
        return str(value, "utf-8")
    except UnicodeDecodeError as cause:
        raise refused(record, f"the {name} is not UTF-8") from cause


def as_text(value: Any) -> str | None:
    """A value of a kind that text can stand for; None for any other."""
    if isinstance(value, str):
        return value
    return None if value is None or isinstance(value, dict | list | bytes) else str(value)


def whole(value: str | float | None) -> int | None:
    """The whole number, also from its digits; None for anything else."""
    if isinstance(value, str):
        is_number = value.isascii() and value.isdecimal() and len(value) <= _MOST_DIGITS
        return int(value) if is_number else None
    return value if type(value) is int else None  # a bool is none


def version_at(record: Record, value: Any) -> int:
    """What stands at a place for a schema version: 1 where nothing does; `Undecodable` if it is no whole number."""
    version = 1 if value is None else whole(value)
    if version is None or version < 0:
        raise refused(record, "the version is not a whole number")
    return version


def header_values(record: Record) -> dict[str, Any]:
    """The headers by name: text where it is UTF-8, else bytes; of a repeated name the last."""
    return {name: _text_or_bytes(value) for name, value in record.headers}


def _text_or_bytes(value: bytes | None) -> str | bytes | None:
    try:
        return None if value is None else str(value, "utf-8")
    except UnicodeDecodeError:
        return value
