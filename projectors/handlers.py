"""The functions of a table's projector: each for one type of event, and how their rows' keys are told."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import IntEnum, auto
from typing import Any

import msgspec

from consumer import Event, Misconfigured
from projectors.json_types import unreadable
from projectors.signatures import checked, may_delete, parameters_of, place_of


class KeyFrom(IntEnum):
    """What a key's function is given."""

    #: There is no function: the key is the aggregate id.
    AGGREGATE = auto()
    DATA = auto()
    DATA_AND_EVENT = auto()
    EVENT = auto()


class Handler(msgspec.Struct, frozen=True, gc=False):
    """A function for one type of event."""

    function: Callable[..., Any]
    #: How many parameters it has: the event; the row and the event; or the row, the event and the key.
    takes: int
    #: Whether it may return None, and so delete the row.
    may_delete: bool
    #: The type of the event's data; None where that is not decoded.
    into: Any
    key_from: KeyFrom
    key: Callable[..., Any] | None
    #: Whether the key's function tells several.
    many: bool
    #: The schema version of the data, where it is declared.
    version: int | None
    #: The function's name, file and line, for messages.
    place: str


class Declaration(msgspec.Struct, frozen=True):
    """What `on` says of a function. Raises `Misconfigured` where that contradicts itself."""

    #: A type of data, or the name of a type of event.
    data: Any
    named: str | None
    version: int | None
    key: Callable[..., Any] | None
    keys: Callable[..., Any] | None

    @property
    def is_decoded(self) -> bool:
        """Whether the function is given typed data."""
        return not isinstance(self.data, str)

    @property
    def event_type(self) -> str:
        """The type of event."""
        if not self.is_decoded and self.named is not None:
            raise Misconfigured(f"on({self.data!r}) names its type of event twice: leave type= out")
        named = self.named or (self.data if not self.is_decoded else self._class_name())
        if not isinstance(named, str) or not named:
            raise Misconfigured(f"the type of event {named!r} is no text")
        return named

    def handler(
        self, function: Callable[..., Any], row: type, key_types: tuple[type, ...]
    ) -> Handler:
        """The function, checked against the rows' type and that of their primary key."""
        place = place_of(function)
        self._check_version(place)
        into = self._checked_data(place) if self.is_decoded else None
        takes = checked(function, row, self.data if self.is_decoded else Any, key_types)
        return Handler(
            function,
            takes,
            may_delete(function, row, self.data if self.is_decoded else Any),
            into,
            self._key_from(place, key_types),
            self.key or self.keys,
            self.keys is not None,
            self.version,
            place,
        )

    def _class_name(self) -> Any:
        name = getattr(self.data, "__name__", None)
        if name is None or getattr(self.data, "__module__", "") in {"builtins", "typing"}:
            raise Misconfigured(
                f"on({name or self.data!r}) does not tell the type of event: name it, as in type='order.placed'"
            )
        return name

    def _check_version(self, place: str) -> None:
        version = self.version
        if version is not None and (not isinstance(version, int) or version < 1):
            raise Misconfigured(
                f"the version of {place} is {version!r}: a schema version is 1 or more"
            )

    def _checked_data(self, place: str) -> Any:
        why = unreadable(self.data)
        if why is not None:
            raise Misconfigured(
                f"{place} takes data as {self.data!r}, which cannot be decoded: {why}"
            )
        return self.data

    def _key_from(self, place: str, key_types: tuple[type, ...]) -> KeyFrom:
        if self.key is not None and self.keys is not None:
            raise Misconfigured(f"{place} has key= and keys=: keep one")
        tells, name = (self.keys, "keys") if self.keys is not None else (self.key, "key")
        if tells is None:
            if key_types != (str,):
                shape = ", ".join(type_.__name__ for type_ in key_types)
                raise Misconfigured(
                    f"{place} names no key, and the aggregate id is a str where the primary key is "
                    f"({shape}): tell it, as in key=lambda order: order.customer_id"
                )
            return KeyFrom.AGGREGATE
        what = f"the {name}= of {place}"
        if not self.is_decoded:
            parameters_of(tells, at_most=1, what=what)
            return KeyFrom.EVENT
        number = parameters_of(tells, at_most=2, what=what)
        return KeyFrom.DATA if number == 1 else KeyFrom.DATA_AND_EVENT


def told(handler: Handler, event: Event) -> Any:
    """The key, or keys, of the event's rows, as the handler's own function tells them."""
    tells = handler.key
    if tells is None:
        return event.aggregate_id
    if handler.key_from is KeyFrom.EVENT:
        return tells(event)
    if handler.key_from is KeyFrom.DATA:
        return tells(event.data)
    return tells(event.data, event)


def distinct(keys: Iterable[Any]) -> Iterable[Any]:
    """The keys of one event, each once. Raises `TypeError` for a text, whose characters nobody meant."""
    if isinstance(keys, str | bytes):
        raise TypeError("keys= tells one text, and not several keys: use key=")
    return dict.fromkeys(keys)
