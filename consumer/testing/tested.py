"""What may be tested, and what may be said of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from typing import Any, Protocol, TypedDict, TypeGuard, TypeVar, cast

from consumer.engine.awaiting import Loop
from consumer.model.table import Row, Table
from consumer.ports.projector import AnyProjector, Closes, TransactionalProjector
from consumer.ports.read_model import ReadModel
from consumer.ports.upcaster import Upcaster

R_co = TypeVar("R_co", covariant=True)

Tested = AnyProjector | TransactionalProjector


class TellsRows(TransactionalProjector, Protocol[R_co]):
    """A projector that has a type for its rows; optional."""

    def rows_of(self, table: Table, rows: Iterable[Row]) -> Sequence[R_co]:
        """Rows as they are stored, as objects of the type."""


class Options(TypedDict, total=False):
    """What may be said of a projection in a test."""

    #: Events that are applied at once, at most: 500, as in production.
    batch_size: int
    #: As a projection has them in its settings.
    upcasters: Sequence[Upcaster]
    #: Makes an empty read model; else it is in memory, or in a SQLite file where the projector wants one.
    read_model: Callable[[], ReadModel]
    #: Whether the first transaction of each batch is lost, as when another writer came in between.
    stumbles: bool


def is_one(projector: object) -> TypeGuard[Tested]:
    """Whether it is a projector, rather than what makes one."""
    return not isinstance(projector, type) and hasattr(projector, "handles")


def made(projector: Any, closing: ExitStack) -> Tested:
    """The projector, or what it makes, which is closed then."""
    if is_one(projector):
        return projector
    own: Any = projector()
    if isinstance(own, Closes):
        closing.callback(waited_for, own.close)
    return cast(Tested, own)


def waited_for(method: Callable[[], object]) -> None:
    """Calls a projector's method, which may be a coroutine."""
    loop = Loop()
    try:
        loop.wait(method())
    finally:
        loop.close()
