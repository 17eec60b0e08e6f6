"""A projector on a read model in memory, through the real runner."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec

from consumer import (
    Batch,
    Event,
    Fence,
    IntOffset,
    Partition,
    Row,
    Runner,
    Table,
    TransactionalProjector,
)
from consumer.adapters.memory.event_log import MemoryEventLog
from consumer.adapters.memory.offset_store import MemoryOffsetStore
from consumer.adapters.memory.read_model import MemoryReadModel

P = Partition("orders", 3)


class Room:
    """A log, and the rows that a projector makes of it."""

    def __init__(self, projector: TransactionalProjector, *, batch_size: int = 500) -> None:
        self.log = MemoryEventLog("orders")
        self.read_model = MemoryReadModel()
        self._projector = projector
        self._runner = Runner(
            self.log,
            MemoryOffsetStore(),
            projector,
            read_model=self.read_model,
            batch_size=batch_size,
        )

    def told(self, type: str, data: object = None, **more: Any) -> Room:
        """Adds an event at the end."""
        self.log.append(type, data, **more)
        return self

    def rows(self) -> list[Row]:
        """All rows, once everything is applied."""
        self._runner.apply_since()
        (table,) = self._projector.tables
        return self.read_model.rows(table)


class Recording:
    """A transaction that keeps what is asked of it; rows are what the test puts there."""

    is_repeated = False

    def __init__(self, *rows: Row) -> None:
        self.stored = list(rows)
        self.loads: list[list[tuple[Any, ...]]] = []
        self.writes: list[tuple[list[Row], list[tuple[Any, ...]]]] = []
        self.appended: list[Row] = []

    def load(self, table: Table, keys: Sequence[Any]) -> Mapping[Any, Row]:
        self.loads.append(list(keys))
        rows = {table.key_of(row): row for row in self.stored}
        return {key: rows[key] for key in keys if key in rows}

    def write(self, table: Table, rows: Any, gone: Any = ()) -> None:
        self.writes.append((list(rows), list(gone)))

    def append(self, table: Table, rows: Any) -> None:
        self.appended += rows

    def clear(self, table: Table) -> None:
        self.stored.clear()

    @property
    def cursor(self) -> Any:
        raise NotImplementedError


def event(type: str, data: object = None, *, at: int = 0, about: str = "", **more: Any) -> Event:
    """An event as a codec hands it out."""
    raw = (
        data
        if data is None or isinstance(data, msgspec.Raw)
        else msgspec.Raw(msgspec.json.encode(data))
    )
    return Event("id", type, about, P, IntOffset(at), raw, **more)


def batch(*events: Event) -> Batch:
    """The events, in order."""
    return Batch(P, events, Fence("test", P, 1, IntOffset(-1), events[-1].offset))


@contextmanager
def noted() -> Iterator[list[str]]:
    """The notes of what is raised inside, which ends here."""
    notes: list[str] = []
    try:
        yield notes
    except Exception as cause:
        notes += getattr(cause, "__notes__", [])
    else:
        raise AssertionError("nothing was raised")
