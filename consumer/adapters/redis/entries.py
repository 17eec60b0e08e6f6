"""From the entries of a stream to records."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import TypeAlias

from consumer.adapters.redis.streams import offset_of
from consumer.model.position import Partition
from consumer.model.record import Record

#: An entry as redis-py hands it out: its id and its fields. Of a field that is repeated it keeps the last.
Entry: TypeAlias = tuple[bytes, dict[bytes, bytes]]


def records(partition: Partition, entries: Iterable[Entry]) -> list[Record]:
    """The entries as records; takes their fields apart.

    `data` is the value and `key` the key (without one, `subject` is); the others are headers.
    """
    return [_record(partition, entry_id, fields) for entry_id, fields in entries]


def _record(partition: Partition, entry_id: bytes, fields: dict[bytes, bytes]) -> Record:
    offset = offset_of(entry_id)
    value = fields.pop(b"data", None)
    key = fields.pop(b"key", None)
    if key is None:
        key = fields.get(b"subject")
    time = _time(offset.milliseconds)
    try:
        headers = list(zip(_names(tuple(fields)), fields.values(), strict=True))
    except UnicodeDecodeError:
        fault = "the name of a field is not UTF-8"
        return Record(partition, offset, key, value, time=time, fault=fault)
    return Record(partition, offset, key, value, headers, time)


@lru_cache(maxsize=1024)
def _names(fields: tuple[bytes, ...]) -> tuple[str, ...]:
    """Entries of one stream have few different sets of names, so each is decoded once."""
    return tuple(name.decode() for name in fields)


@lru_cache(maxsize=64)
def _time(milliseconds: int) -> datetime | None:
    """The moment that is in an id; None where the producer made up ids that are no times."""
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
