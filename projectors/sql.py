"""SQL of one's own inside the transaction that moves the offset: what is the same on all databases."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from typing import ClassVar, Generic, TypeVar

from consumer import Batch, Misconfigured, Table, Transaction

C = TypeVar("C")


class SqlProjector(ABC, Generic[C]):
    """A `TransactionalProjector` that is given the cursor of its database. Subclass the one for the database.

    What `apply` writes through the cursor is committed together with the batch's offset, or not at all; it may be
    called again for a batch whose transaction was undone, so it must keep nothing outside. The cursor is
    good until the method returns.
    """

    #: As in `Projector.name`.
    name: str
    #: As in `Projector.handles`.
    handles: Collection[str] | None
    #: The kinds of read model whose cursor it is.
    read_models: ClassVar[Collection[str]]

    def __init_subclass__(cls) -> None:
        """Refuses coroutines at once: a transaction does not wait for one."""
        super().__init_subclass__()
        for method in ("apply", "setup", "empty"):
            if inspect.iscoroutinefunction(getattr(cls, method)):
                raise Misconfigured(_coroutine(f"{cls.__qualname__}.{method}"))

    @abstractmethod
    def apply(self, batch: Batch, cursor: C) -> None:
        """Writes what the batch tells. It neither commits nor rolls back: that is done when it returns, or raises.

        Raises as `Projector.apply` may. Errors of the database are best left as they are: a lock that is held or
        a server that is away is waited for, and whatever else it says is the event's or the SQL's fault.
        """

    def setup(self, cursor: C) -> None:  # there may be nothing to do
        """Makes tables, if they are to be made here. Called at the start of each process, one process at a time;
        must be safe to repeat: `CREATE TABLE IF NOT EXISTS`.
        """

    def empty(self, cursor: C) -> None:
        """Deletes all that `apply` ever wrote, for a rebuild. Without it no event is applied again: who wants to
        reset the projection to read something again is told so.
        """
        raise Misconfigured(
            f"{self.name} cannot be rebuilt, for nobody knows what it wrote, and events that are applied again "
            f"would count twice. Nothing was changed. Give {type(self).__name__} a method empty(self, cursor) that "
            "deletes all its rows"
        )

    @property
    def tables(self) -> Sequence[Table]:
        """None that the engine should make."""
        return ()

    def prepare(self, transaction: Transaction) -> None:
        """As `TransactionalProjector.prepare`: `setup`."""
        cursor: C = transaction.cursor
        self._within(cursor, "setup", lambda: self.setup(cursor))

    def project(self, batch: Batch, transaction: Transaction) -> None:
        """As `TransactionalProjector.project`: `apply`, with the cursor."""
        cursor: C = transaction.cursor
        if not transaction.is_repeated:  # where asking for the cursor locks, only now it is sure
            self._within(cursor, "apply", lambda: self.apply(batch, cursor))

    def clear(self, transaction: Transaction) -> None:
        """As `TransactionalProjector.clear`: `empty`."""
        cursor: C = transaction.cursor
        self._within(cursor, "empty", lambda: self.empty(cursor))

    def _within(self, cursor: C, method: str, call: Callable[[], object]) -> None:
        """Calls it, and refuses what would write rows without their offset."""
        self._mark(cursor)
        try:
            returned = call()
        except Exception as cause:
            # The database itself ends a transaction too, when it is full, say.
            if not _is_of_a_database(cause) and self._has_ended(cursor):
                raise self._ended() from cause
            raise
        if isinstance(returned, Awaitable):
            if isinstance(returned, Coroutine):
                returned.close()  # it never began
            raise Misconfigured(_coroutine(f"{type(self).__qualname__}.{method}"))
        if self._has_ended(cursor):
            raise self._ended()

    def _mark(self, cursor: C) -> None:
        """Marks the transaction, if need be, for `_has_ended`."""

    @abstractmethod
    def _has_ended(self, cursor: C) -> bool:
        """Whether the transaction is not the one that began any more."""

    def _ended(self) -> Misconfigured:
        return Misconfigured(
            f"{type(self).__name__} ended the transaction that it was called in: what it wrote may be in the "
            "database without its offset. It must neither commit nor roll back; leave out whatever "
            "does (a `with connection:`, a CREATE DATABASE)"
        )


def _is_of_a_database(error: BaseException | None) -> bool:
    """Whether the driver raised it, or what it was raised from."""
    while error is not None:
        if type(error).__module__.partition(".")[0] in {"sqlite3", "psycopg"}:
            return True
        error = error.__cause__ or error.__context__
    return False


def _coroutine(what: str) -> str:
    return (
        f"{what} is a coroutine, and a transaction does not wait for one: make it a plain method, or write by "
        "yourself with an AsyncProjector, at least once"
    )
