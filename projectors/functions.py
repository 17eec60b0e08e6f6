"""The functions that a table's projector takes, for type checkers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Protocol, TypeVar, overload
from uuid import UUID

from consumer import Event

#: A part of a primary key. (A `bool` is an `int` here, and a `datetime` a `date`.)
KeyPart = str | int | float | Decimal | date | UUID | bytes | Enum
#: What a function tells of a row's primary key: a value, or a tuple of them where the key has several parts.
KeyValue = KeyPart | tuple[KeyPart, ...]

R = TypeVar("R")
D = TypeVar("D")
K = TypeVar("K", bound=KeyValue)
R_contra = TypeVar("R_contra", contravariant=True)
D_contra = TypeVar("D_contra", contravariant=True)
K_contra = TypeVar("K_contra", contravariant=True)
T_co = TypeVar("T_co", covariant=True)

# Protocols, and not `Callable`: where an argument holds an `Any`, mypy forgets all of a `Callable` that an overload
# returns, and then reports its calls as untyped. These stay callable.


class OfRow(Protocol[R_contra, D_contra, T_co]):
    """A function of a row and an event."""

    def __call__(self, row: R_contra | None, event: Event[D_contra], /) -> T_co:
        """The row as it is from now on."""


class OfRowAndKey(Protocol[R_contra, D_contra, K_contra, T_co]):
    """A function of a row, an event and the key that it is called for."""

    def __call__(self, row: R_contra | None, event: Event[D_contra], key: K_contra, /) -> T_co:
        """The row as it is from now on."""


class OfEvent(Protocol[D_contra, T_co]):
    """A function of an event alone."""

    def __call__(self, event: Event[D_contra], /) -> T_co:
        """The row as it is from now on."""


class Declares(Protocol[R, D, K]):
    """Takes a function of a row, an event and perhaps the key, or of an event alone, and returns it as it is."""

    @overload
    def __call__(self, function: Callable[[R | None, Event[D]], R], /) -> OfRow[R, D, R]: ...
    @overload
    def __call__(
        self, function: Callable[[R | None, Event[D]], R | None], /
    ) -> OfRow[R, D, R | None]: ...
    @overload
    def __call__(
        self, function: Callable[[R | None, Event[D], K], R], /
    ) -> OfRowAndKey[R, D, K, R]: ...
    @overload
    def __call__(
        self, function: Callable[[R | None, Event[D], K], R | None], /
    ) -> OfRowAndKey[R, D, K, R | None]: ...
    @overload
    def __call__(self, function: Callable[[Event[D]], R], /) -> OfEvent[D, R]: ...
    @overload
    def __call__(self, function: Callable[[Event[D]], R | None], /) -> OfEvent[D, R | None]: ...
