"""A decoded fact, and a batch of them."""

from __future__ import annotations

import builtins
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec
from msgspec import Raw

from consumer.errors import Undecodable
from consumer.model.position import Fence, Offset, Partition

if TYPE_CHECKING:
    import typing_extensions

    #: What the data of an event is; an `Event` of which nothing is said has data of any type.
    D_co = typing_extensions.TypeVar("D_co", covariant=True, default=Any)
else:
    D_co = TypeVar("D_co", covariant=True)
T = TypeVar("T")

_NOTHING: Mapping[str, Any] = MappingProxyType({})

#: All that a decoder is known to raise on bad bytes: msgspec's own errors (a `ValueError`), text that
#: is no UTF-8 or holds half a surrogate pair (also a `ValueError`), and nesting without end.
BAD_BYTES = (ValueError, RecursionError, OverflowError, TypeError, KeyError)
#: The same, where only the data can be at fault, and not the code that asks for it.
_BAD_DATA = (ValueError, RecursionError, OverflowError)

#: Where msgspec quotes the data; what may follow is the place, in the names of the schema.
_QUOTES = re.compile(
    r"^(Invalid enum value|Invalid value|Object contains unknown field) .*?"
    r"( - at (?:`key` in )?`[$][\w.\[\]]*`)?$",
    re.DOTALL,
)


class Event(msgspec.Struct, Generic[D_co], frozen=True, gc=False):
    """One fact, as its producer stated it, and its place in the log.

    `Event[OrderPlaced]` is one whose data was decoded as that type.
    """

    id: str
    type: str
    #: What the event is about (CloudEvents calls it the subject); a projection's default primary key.
    aggregate_id: str
    partition: Partition
    offset: Offset
    #: `msgspec.Raw` JSON, not yet decoded, or plain Python values; None for a tombstone.
    data: D_co = None  # type: ignore[assignment]  # only where it may be None does nobody give it
    #: The schema version of `data`.
    version: int = 1
    #: The event's number within its aggregate, from the producer; None where it tells none.
    sequence: int | None = None
    #: When it happened, with its zone; None where nobody says.
    time: datetime | None = None
    #: The partition key.
    key: bytes | None = None
    #: Whatever else came along: the other attributes and headers.
    metadata: Mapping[str, Any] = _NOTHING
    #: Which of the events of its record it is, counted from 0; most records hold one. With partition and
    #: offset it names the event: of the offset alone there may be several.
    part: int = 0

    @property
    def is_tombstone(self) -> bool:
        """Whether the event says only that its key is gone."""
        return self.data is None

    def decode(self, into: builtins.type[T]) -> T:
        """The event's data as the type `into`; raises `Undecodable` if it is not one, or is a tombstone.

        Of duplicate keys in a JSON object the last wins. A type that msgspec cannot decode raises its
        `TypeError`: that is the caller's mistake, and no fault of the event.
        """
        data: Any = self.data
        if data is None:
            raise self._undecodable(into, "a tombstone has no data")
        key: Any = into  # mypy does not believe that a type is hashable
        decode = _decoder(key) if type(data) is Raw else _converter(key)
        try:
            decoded: T = decode(data)
        except _BAD_DATA as cause:
            raise self._undecodable(into, reason(cause)) from cause
        return decoded

    def _undecodable(self, into: object, why: str) -> Undecodable:
        which = f"event {self.part + 1} of its record, " if self.part else ""
        why = f"{which}{self.type} as {getattr(into, '__name__', into)}: {why}"
        if self.data is None or isinstance(self.data, Raw):
            payload = None if self.data is None else bytes(self.data)
            return undecodable(self.partition, self.offset, payload, why)
        return Undecodable(self.partition, self.offset, why)

    def __repr__(self) -> str:  # without the data: it may hold what no log should
        part = f", part {self.part}" if self.part else ""
        return f"<Event {self.type} {self.id} at {self.partition}:{self.offset}{part}>"


class Batch(msgspec.Struct, frozen=True, gc=False):
    """Events of one partition in order, never empty, and the fence under which they may be applied."""

    partition: Partition
    events: Sequence[Event]
    fence: Fence

    @property
    def first(self) -> Offset:
        """The offset of the first event; where there is none, the fence's."""
        return self.events[0].offset if self.events else self.fence.offset

    def __iter__(self) -> Iterator[Event]:
        return iter(self.events)

    def __len__(self) -> int:
        return len(self.events)

    def __repr__(self) -> str:
        return f"<Batch of {len(self.events)} events of {self.partition} to {self.fence.offset}>"


def parts(decoded: Event | Sequence[Event]) -> Sequence[Event]:
    """The events of one record as its codec gave them, each with its number among them."""
    if isinstance(decoded, Event):
        return (decoded,)
    return [
        event if event.part == number else msgspec.structs.replace(event, part=number)
        for number, event in enumerate(decoded)
    ]


def undecodable(
    partition: Partition, offset: Offset, payload: bytes | None, why: str
) -> Undecodable:
    """An `Undecodable` that names the place, the reason and a hash of the payload, never the payload."""
    digest = "none" if payload is None else f"sha256:{hashlib.sha256(payload).hexdigest()[:16]}"
    return Undecodable(partition, offset, f"{why} (payload {digest})")


def reason(cause: BaseException) -> str:
    """What a decoder's error says, without the bytes that it may quote."""
    if isinstance(cause, UnicodeError):
        return "the text is not UTF-8"
    if isinstance(cause, RecursionError):
        return "the data is nested too deep"
    if not isinstance(cause, msgspec.MsgspecError):
        return type(cause).__name__
    if cause.__cause__ is not None:  # raised by the type's own code, in words that we do not know
        return f"{type(cause.__cause__).__name__} from the type's own check"
    return _QUOTES.sub(r"\1\2", str(cause))


@lru_cache(maxsize=1024)
def _decoder(into: Any) -> Callable[[Raw], Any]:
    return msgspec.json.Decoder(into).decode


@lru_cache(maxsize=1024)
def _converter(into: Any) -> Callable[[Any], Any]:
    msgspec.json.Decoder(into)  # raises for a type that cannot be decoded, whatever the data
    convert = msgspec.convert
    return lambda data: convert(data, into)  # by position: a keyword costs a third of the call
