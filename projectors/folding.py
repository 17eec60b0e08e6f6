"""The fold of a batch into the rows of a table, each loaded at most once and written at most once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, NoReturn, TypeVar

import msgspec

from consumer import ApplyFailed, Batch, Event, Key, Note, Row, Transaction
from projectors.columns import Misfit
from projectors.handlers import Handler, KeyFrom, distinct, told
from projectors.row_types import RowType
from projectors.signatures import EVENT, ROW_AND_EVENT

R = TypeVar("R")

#: A function that is to be called, the key of its row, and the event with its data decoded.
Call = tuple[Handler, Any, Event]


class Fold(Generic[R]):
    """A batch on its way into a table; made for one batch, and run once."""

    def __init__(self, row_type: RowType[R], handlers: Mapping[str, Handler], batch: Batch) -> None:
        self._row_type = row_type
        self._handlers = handlers
        self._batch = batch
        #: The keys of all rows in hand, as functions tell them, and as the table has them.
        self._keys: dict[Any, Key] = {}
        #: Those of them whose rows are loaded: a function is given them before another replaces them.
        self._loads: dict[Any, Key] = {}

    def run(self, transaction: Transaction) -> None:
        """Loads, folds, writes. What a function raises gets a note that names the function and the event."""
        calls = self._calls(self._decoded())
        keys = self._loads
        stored = transaction.load(self._row_type.table, list(keys.values())) if keys else {}
        rows = self._folded(calls, stored)
        self._write(rows, stored, transaction)

    def _decoded(self) -> Sequence[tuple[Handler, Event]]:
        """All data is decoded before any function is called: an `Undecodable` must come out, and not
        end in a function's own `except`.
        """
        decoded: list[tuple[Handler, Event]] = []
        # Looked up once: this loop is hot, as are those below.
        handlers, add, with_data = self._handlers, decoded.append, msgspec.structs.replace
        for event in self._batch.events:
            handler = handlers.get(event.type)
            if handler is None:
                continue
            into = handler.into
            add((handler, event if into is None else with_data(event, data=event.decode(into))))
        return decoded

    def _calls(self, decoded: Sequence[tuple[Handler, Event]]) -> Sequence[Call]:
        calls: list[Call] = []
        seen, add, data = self._keys, calls.append, KeyFrom.DATA
        handler = event = None
        try:
            for handler, event in decoded:
                tells = handler.key if handler.key_from is data else None
                key = told(handler, event) if tells is None else tells(event.data)
                for one in distinct(key) if handler.many else (key,):
                    add((handler, one, event))
                    if one not in seen:
                        self._see(handler, one)
        except Misfit as cause:
            raise _refused(handler, event, f"tells a key that {cause}") from None
        except Exception as cause:
            cause.add_note(_note("telling the key of", handler, event))
            raise
        return calls

    def _see(self, handler: Handler, key: Any) -> None:
        """The first function that is called for the key decides whether what is stored matters."""
        packed = self._keys[key] = self._row_type.packed_key(key)
        if handler.takes != EVENT:
            self._loads[key] = packed

    def _folded(self, calls: Sequence[Call], stored: Mapping[Key, Row]) -> Mapping[Any, R | None]:
        """The rows as they are in the end, by their keys; None for those that are gone."""
        rows = self._unpacked(stored)
        type_, key_of = self._row_type.type, self._row_type.key_of
        handler = event = None
        try:
            for handler, key, event in calls:
                function, takes = handler.function, handler.takes
                if takes == ROW_AND_EVENT:
                    row = function(rows[key], event)
                else:
                    row = function(event) if takes == EVENT else function(rows[key], event, key)
                if row is None:
                    if not handler.may_delete:
                        self._refuse(row, handler, event)
                elif not isinstance(row, type_) or key_of(row) != key:
                    self._refuse(row, handler, event)
                rows[key] = row
        except Exception as cause:
            cause.add_note(_note("in", handler, event))
            raise
        return rows

    def _refuse(self, row: object, handler: Handler, event: Event) -> NoReturn:
        type_ = self._row_type.type
        if row is None:
            why = f"returned None, and is declared to return a {type_.__name__}: return the row, or declare {type_.__name__} | None where None deletes it"
            raise _refused(handler, event, why)
        if not isinstance(row, type_):
            why = f"returned a {type(row).__name__}, and no {type_.__name__}"
            raise _refused(handler, event, why)
        raise _refused(handler, event, _ANOTHER_KEY)

    def _unpacked(self, stored: Mapping[Key, Row]) -> dict[Any, R | None]:
        unpack = self._row_type.unpack
        rows: dict[Any, R | None] = dict.fromkeys(self._keys)
        try:
            for key, packed in self._loads.items():
                row = stored.get(packed)
                if row is not None:
                    rows[key] = unpack(row)
        except Misfit as cause:
            raise self._failed(
                f"a row of {self._row_type.table.name} cannot be read: its {cause}. Its type has changed since "
                "it was written: make it take what is there, or rebuild the projection"
            ) from cause
        return rows

    def _write(
        self, rows: Mapping[Any, R | None], stored: Mapping[Key, Row], transaction: Transaction
    ) -> None:
        row_type, loads = self._row_type, self._loads
        placed: list[Row] = []
        gone: list[Key] = []
        try:
            for key, packed_key in self._keys.items():
                row, before = rows[key], stored.get(packed_key)
                if row is None:
                    if before is not None or key not in loads:
                        gone.append(packed_key)
                    continue
                packed = row_type.pack(row)
                if not row_type.is_frozen and row_type.table.key_of(packed) != packed_key:
                    raise self._failed(_CHANGED_LATER.format(row_type.table.name))
                if before is None or not row_type.is_same(packed, before):
                    placed.append(packed)
        except Misfit as cause:
            raise self._failed(
                f"a row of {row_type.table.name} that a function returned cannot be kept: its {cause}"
            ) from cause
        if placed or gone:
            transaction.write(row_type.table, placed, gone)

    def _failed(self, why: str) -> ApplyFailed:
        return ApplyFailed(self._batch.partition, self._batch.first, why)


_ANOTHER_KEY = "returned a row with another primary key than that of the row it was called for"
_CHANGED_LATER = "the primary key of a row of {} was changed after it was returned: return a row of its own for each key"


def _refused(handler: Handler | None, event: Event | None, why: str) -> ApplyFailed:
    assert handler is not None  # noqa: S101 - there is one wherever something is refused
    assert event is not None  # noqa: S101 - as above
    return ApplyFailed(event.partition, event.offset, f"{handler.place} {why}")


def _note(doing: str, handler: Handler | None, event: Event | None) -> Note:
    if handler is None or event is None:
        return Note(doing)
    return Note(
        f"{doing} {handler.place}, for {event.type} in {event.partition} at offset {event.offset}"
    )
