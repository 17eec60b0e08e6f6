"""The events that a test gives: data, and what the test says of it."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Protocol, runtime_checkable

import msgspec

from consumer.adapters.memory.event_log import MemoryEventLog
from consumer.model.event import Event

_NOTHING: Mapping[str, Any] = MappingProxyType({})
#: When the first event of a test happened, where it does not say; each later one a second later.
_FIRST = datetime(2000, 1, 1, tzinfo=UTC)


@runtime_checkable
class NamesTypes(Protocol):
    """A projector that knows which type of event a class of data stands for; optional."""

    def type_of(self, data: type) -> str | None:
        """The type that it registered for the class; None where it did not."""


class Given(msgspec.Struct, frozen=True):
    """An event without its place in a log; `event` makes one."""

    of: str | builtins.type
    data: object
    aggregate_id: str
    sequence: int | None
    time: datetime | None
    metadata: Mapping[str, Any]
    version: int | None
    key: bytes | None


def event(
    of: object,
    data: object = None,
    *,
    type: str | None = None,
    aggregate_id: str = "",
    sequence: int | None = None,
    time: datetime | None = None,
    metadata: Mapping[str, Any] = _NOTHING,
    version: int | None = None,
    key: bytes | None = None,
) -> Given:
    """An event for a test: of a data object, or of a type and plain data (none makes a tombstone).

    `event(OrderPlaced("ada", 5), aggregate_id="o-1")`, `event("OrderPlaced", {"customer": "ada"})`.
    The type of an object's event is what the projector registered for its class, or else the class's name. The
    `version` is the one that the projector understands. Raises `TypeError` for what has no type.
    """
    if isinstance(of, str):
        if type is not None:
            raise TypeError(f"the event has two types, {of!r} and {type!r}")
    elif data is not None:
        raise TypeError(f"give the data of an event once: it is {of!r}, and {data!r}")
    elif isinstance(of, builtins.type):
        raise TypeError(f"{of.__name__} is a class: give an object of it, as in {of.__name__}(...)")
    elif type is None and builtins.type(of).__module__ == "builtins":
        raise TypeError(
            f"data that is a {builtins.type(of).__name__} does not tell the event's type: write "
            'event("OrderPlaced", {...})'
        )
    else:
        of, data = type or builtins.type(of), of
    return Given(of, data, aggregate_id, sequence, time, metadata, version, key)


def appended(
    log: MemoryEventLog, given: object, projector: object, versions: Mapping[str, int]
) -> Event:
    """The event as the log now holds it: its data is JSON, as it comes from a broker."""
    stated = given if isinstance(given, Given) else event(given)
    type = _type(stated.of, projector)
    (end,) = log.ends().values()
    number = int(str(end)) + 1
    return log.append(
        type,
        stated.data,
        id=str(number),
        aggregate_id=stated.aggregate_id,
        version=versions.get(type, 1) if stated.version is None else stated.version,
        sequence=stated.sequence,
        time=stated.time or _FIRST + timedelta(seconds=number),
        key=stated.key,
        metadata=stated.metadata,
    )


def _type(of: str | builtins.type, projector: object) -> str:
    if isinstance(of, str):
        return of
    registered = projector.type_of(of) if isinstance(projector, NamesTypes) else None
    return registered or of.__name__
