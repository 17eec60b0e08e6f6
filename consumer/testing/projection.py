"""A projection as a test has it: the real runner, on a log and checkpoints in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import (
    Any,
    Generic,
    Self,
    TypeVar,
    Unpack,
    cast,
    overload,
)

from consumer.adapters.memory.event_log import MemoryEventLog
from consumer.adapters.memory.offset_store import MemoryOffsetStore
from consumer.adapters.memory.read_model import MemoryReadModel
from consumer.engine.runner import Runner
from consumer.engine.upcasting import Upcasting
from consumer.errors import Misconfigured
from consumer.model.event import Event
from consumer.model.position import IntOffset
from consumer.model.table import Row, Table
from consumer.ports.projector import TransactionalProjector
from consumer.ports.read_model import ReadModel
from consumer.testing.given import appended
from consumer.testing.tested import Options, TellsRows, Tested, made
from consumer.testing.watching import Watched

R = TypeVar("R")
T = TypeVar("T")


class Projection(Generic[T]):
    """A projector at work, on events that are given to it; `T` is what tells its rows.

    A projector that writes through a read model needs nothing else: its rows come in the order of their
    keys, as objects of their type where the projector has one, else as dictionaries; of several tables, by
    the tables' names. Where it writes SQL of its own, or to a store of its own, `rows` reads them: it is given the
    read model's cursor, or else the projector. Raises `Misconfigured` where the rows cannot be told.

    In place of a projector, its class or a function that makes one will do. Close it, or use it in a `with` block.
    """

    @overload
    def __init__(
        self,
        projector: Tested | Callable[[], Tested],
        *,
        rows: Callable[[Any], T],
        **options: Unpack[Options],
    ) -> None: ...
    @overload
    def __init__(
        self: Projection[list[R]],
        projector: TellsRows[R] | Callable[[], TellsRows[R]],
        **options: Unpack[Options],
    ) -> None: ...
    @overload
    def __init__(
        self: Projection[Any],
        projector: Tested | Callable[[], Tested],
        *,
        rows: None = None,
        **options: Unpack[Options],
    ) -> None: ...

    def __init__(
        self,
        projector: Any,
        *,
        rows: Callable[[Any], Any] | None = None,
        **options: Unpack[Options],
    ) -> None:
        self._closing = ExitStack()
        self._batch_size = options.get("batch_size", 500)
        self._upcasters = options.get("upcasters", ())
        self._log = MemoryEventLog()
        self._read = rows
        with ExitStack() as undone:
            undone.callback(self.close)
            self.projector: Tested = made(projector, self._closing)
            self._watched: Watched | None = None
            if isinstance(self.projector, TransactionalProjector):
                make = options.get("read_model") or self._default(self.projector)
                self._watched = Watched(make(), stumbles=options.get("stumbles", False))
                self._closing.callback(self._watched.close)
            elif "read_model" in options:
                raise Misconfigured(
                    f"{self.projector.name} writes by itself, and to no read model of ours: leave "
                    "read_model out"
                )
            self._refuse_unreadable()
            self._versions = Upcasting(self._upcasters, self.projector.handles).versions
            self._runner = self._closing.enter_context(self._running(MemoryOffsetStore()))
            undone.pop_all()

    def apply(self, *events: object) -> T:
        """Applies these events behind those of earlier calls, and returns all rows there now are.

        An event is a data object, or one that `event` made. Raises what `Runner.apply_since` raises: whatever
        the projector raises is the cause of an `ApplyFailed`.
        """
        for given in events:
            appended(self._log, given, self.projector, self._versions)
        self._runner.apply_since()
        return self.rows()

    def apply_again(self, after: int = 0) -> T:
        """Applies all events again but the first ones, as a worker does that takes over after the commits of those
        behind them were lost; returns the rows.
        """
        (partition,) = self._log.partitions()
        offsets = MemoryOffsetStore()
        if after and self._watched is None:
            claim = offsets.claim(
                self.projector.name, partition, owner="", log=self._log.identity(partition)
            )
            offsets.commit(claim, None, IntOffset(after - 1))
        with self._running(offsets) as runner:
            runner.apply_since()
        return self.rows()

    def rows(self) -> T:
        """All rows there now are."""
        watched, projector = self._watched, self.projector
        found: Any
        if self._read is not None:
            read = self._read
            found = read(projector) if watched is None else watched.told(lambda t: read(t.cursor))
        else:
            assert watched is not None  # noqa: S101  # else it was refused when it was made
            tables = cast(TransactionalProjector, projector).tables
            told = {table.name: self._told(table, watched.rows(table)) for table in tables}
            found = told if len(told) > 1 else next(iter(told.values()))
        return cast(T, found)

    @property
    def events(self) -> Sequence[Event]:
        """The events that were given, as they are in the log."""
        (partition,) = self._log.partitions()
        (end,) = self._log.ends().values()
        return self._log.read(partition, None, int(str(end)) + 1)

    def close(self) -> None:
        """Closes what it made: the read model, and a projector of the class that was given. Safe to call twice."""
        self._closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        cause: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _running(self, offsets: MemoryOffsetStore) -> Runner:
        return Runner(
            self._log,
            offsets,
            self.projector,
            read_model=self._watched,
            batch_size=self._batch_size,
            upcasters=self._upcasters,
        )

    def _told(self, table: Table, rows: Sequence[Row]) -> Sequence[object]:
        rows_of = getattr(self.projector, "rows_of", None)
        if rows_of is not None:
            return list(rows_of(table, rows))
        return [dict(zip(table.by_name, row, strict=True)) for row in rows]

    def _refuse_unreadable(self) -> None:
        if self._read is None and not getattr(self.projector, "tables", ()):
            given = "the projector" if self._watched is None else "a cursor"
            raise Misconfigured(
                f"nobody knows where {self.projector.name} keeps its rows: give rows=, a function that is "
                f"given {given} and returns them"
            )

    def _default(self, projector: TransactionalProjector) -> Callable[[], ReadModel]:
        kinds = projector.read_models
        if kinds is None or MemoryReadModel.kind in kinds:
            return MemoryReadModel
        if "sqlite" in kinds:
            return self._in_a_file
        raise Misconfigured(
            f"{projector.name} writes {' or '.join(sorted(kinds))} alone: give read_model=, a function that "
            "makes one on an empty database"
        )

    def _in_a_file(self) -> ReadModel:
        from consumer.adapters.sqlite.read_model import SqliteReadModel

        folder = self._closing.enter_context(TemporaryDirectory(prefix="projection-"))
        return SqliteReadModel(Path(folder) / "rows.sqlite")
