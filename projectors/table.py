"""A read model as a table, and a pure function for each type of event."""

from __future__ import annotations

import builtins
import inspect
import re
import typing
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Generic, overload

from consumer import Batch, Event, Misconfigured, Row, Table, Transaction
from projectors.folding import Fold
from projectors.functions import D, Declares, K, R
from projectors.handlers import Declaration, Handler
from projectors.row_types import RowType

_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class TableProjector(Generic[R]):
    """Folds events into the rows of a table, effectively once, in whichever read model the settings name.

    `row_type` is a dataclass or a `msgspec.Struct` with `PRIMARY_KEY` on at least one field. The table is
    called as the class is, in snake case, and the projector as the table. `indexes` are tuples of fields.

    A function that is declared `on` a type of event takes the row, or None where there is none, and the
    event (and the key, if it likes), and returns the row as it is from then on, or None to delete it. One
    that takes the event alone needs no row to be loaded: what it returns replaces whatever is there.
    Functions must be pure: a batch may be folded more than once before it is written, once.

    Raises `Misconfigured` with all that is wrong with the row type.
    """

    #: Any read model will do.
    read_models: Collection[str] | None = None

    def __init__(
        self,
        row_type: type[R],
        *,
        name: str | None = None,
        table: str | None = None,
        indexes: Iterable[Sequence[str]] = (),
    ) -> None:
        called = table or _WORDS.sub("_", getattr(row_type, "__name__", "")).lower()
        self._row_type = RowType(row_type, called, list(indexes))
        self.name = name or called
        self._handlers: dict[str, Handler] = {}
        self._is_prepared = False

    @overload
    def on(
        self, data: builtins.type[D], *, type: str | None = None, version: int | None = None
    ) -> Declares[R, D, str]: ...
    @overload
    def on(
        self,
        data: builtins.type[D],
        *,
        key: Callable[[D], K],
        type: str | None = None,
        version: int | None = None,
    ) -> Declares[R, D, K]: ...
    @overload
    def on(
        self,
        data: builtins.type[D],
        *,
        key: Callable[[D, Event[D]], K],
        type: str | None = None,
        version: int | None = None,
    ) -> Declares[R, D, K]: ...
    @overload
    def on(
        self,
        data: builtins.type[D],
        *,
        keys: Callable[[D], Iterable[K]],
        type: str | None = None,
        version: int | None = None,
    ) -> Declares[R, D, K]: ...
    @overload
    def on(
        self,
        data: builtins.type[D],
        *,
        keys: Callable[[D, Event[D]], Iterable[K]],
        type: str | None = None,
        version: int | None = None,
    ) -> Declares[R, D, K]: ...
    @overload
    def on(self, data: str, *, version: int | None = None) -> Declares[R, Any, str]: ...
    @overload
    def on(
        self, data: str, *, key: Callable[[Event], K], version: int | None = None
    ) -> Declares[R, Any, K]: ...
    @overload
    def on(
        self, data: str, *, keys: Callable[[Event], Iterable[K]], version: int | None = None
    ) -> Declares[R, Any, K]: ...
    def on(
        self,
        data: Any,
        *,
        key: Callable[..., Any] | None = None,
        keys: Callable[..., Any] | None = None,
        type: str | None = None,
        version: int | None = None,
    ) -> Any:
        """Declares a function for one type of event, and returns it unchanged.

        `data` is the type of the event's data, and its class name that of the event, unless `type` names
        it; a text is the event's type, and then the data is not decoded. `key` tells the row's primary key
        from the data, or from data and event, or where the data is not decoded from the event; `keys` tells
        several, and the function is called once for each. Without either it is the aggregate id. `version`
        is the schema version that the function takes.

        The function is checked at once: `Misconfigured` names it, its file and its line.
        """
        if inspect.isroutine(data):
            raise Misconfigured(
                f"on was given the function {data.__name__}: say first for which events it is, as in "
                "@on(OrderPlaced)"
            )
        declaration = Declaration(data, type, version, key, keys)
        event_type = declaration.event_type

        def declare(function: Callable[..., Any]) -> Callable[..., Any]:
            row_type = self._row_type
            handler = declaration.handler(function, row_type.type, row_type.key_types)
            self._add(event_type, handler)
            return function

        return declare

    @property
    def handles(self) -> Collection[str]:
        """The types of event that functions are declared on; `Misconfigured` where there are none."""
        handlers = self._handlers
        if not handlers:
            raise Misconfigured(
                f"{self.name} has no function for any event: declare one with `on`, in a module that is imported"
            )
        if all(handler.version is None for handler in handlers.values()):
            return frozenset(handlers)
        versions: Mapping[str, int] = {
            event_type: handler.version or 1 for event_type, handler in handlers.items()
        }
        return versions

    @property
    def tables(self) -> Sequence[Table]:
        """The one table."""
        return (self._row_type.table,)

    def rows_of(self, table: Table, rows: Iterable[Row]) -> list[R]:
        """Rows as a store holds them, as objects of the row type."""
        return [self._row_type.unpack(row) for row in rows]

    def type_of(self, data: builtins.type) -> str | None:
        """The type of event whose data is declared to be of that type; None unless there is exactly one."""
        types = [
            of
            for of, handler in self._handlers.items()
            # Of a generic type, as `Change[CustomerRow]`, an object knows the class alone.
            if (typing.get_origin(handler.into) or handler.into) is data
        ]
        return types[0] if len(types) == 1 else None

    def prepare(self, transaction: Transaction) -> None:
        """There is nothing to prepare; from now on no function can be declared."""
        self._is_prepared = True

    def project(self, batch: Batch, transaction: Transaction) -> None:
        """As `TransactionalProjector.project`: one load, the functions in order, one write."""
        Fold(self._row_type, self._handlers, batch).run(transaction)

    def clear(self, transaction: Transaction) -> None:
        """Deletes all rows."""
        transaction.clear(self._row_type.table)

    def __repr__(self) -> str:
        return f"<TableProjector {self.name} of {self._row_type.type.__name__}>"

    def _add(self, event_type: str, handler: Handler) -> None:
        before = self._handlers.get(event_type)
        if before is not None:
            raise Misconfigured(
                f"{handler.place} is declared on {event_type}, and {before.place} is already: make them one"
            )
        if self._is_prepared:
            raise Misconfigured(
                f"{handler.place} is declared on {event_type} after {self.name} began: events of that type may "
                "have been passed over; declare it where its module is imported"
            )
        self._handlers[event_type] = handler
