"""Rows in this process's memory: for tests, and for what need not outlive the process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from threading import Lock
from typing import NoReturn

from consumer.adapters.memory.values import given, kept, keyed
from consumer.errors import Closed, Conflict, Misconfigured, RowRefused
from consumer.model.names import validated_name
from consumer.model.position import Claim, Fence, LogIdentity, Offset, Partition
from consumer.model.seal import Seal, are_repeated, behind, outlived
from consumer.model.table import Key, Row, Table

Rows = dict[str, dict[Key, Row]]


class MemoryReadModel:
    """The `ReadModel` without a server: its columns take what those of a database do, and no more."""

    kind = "memory"

    def __init__(self) -> None:
        self._tables: dict[str, Table] = {}
        self._rows: Rows = {}
        self._seals: dict[tuple[str, Partition], Seal] = {}
        self._lock = Lock()
        self._closed = False

    def rows(self, table: Table) -> list[Row]:
        """All rows of the table, in the order of their keys."""
        self._check_open()
        with self._lock:
            return [given(row) for _, row in sorted(self._rows.get(table.name, {}).items())]

    def prepare(self, tables: Sequence[Table], also: Callable[[Transaction], None]) -> None:
        """As `ReadModel.prepare`."""
        self._check_open()
        with self._lock:
            for table in tables:
                known = self._tables.setdefault(table.name, table)
                if (known.columns, known.key) != (table.columns, table.key):
                    raise _differing(known, table)
        while True:
            transaction = Transaction(self._rows, is_repeated=False)
            also(transaction)
            with self._lock, suppress(Conflict):
                return transaction.take_effect()

    def sealed(self, projection: str, partition: Partition) -> Seal | None:
        """As `ReadModel.sealed`."""
        self._check_open()
        with self._lock:
            return self._seals.get((validated_name(projection), partition))

    def seal(self, claim: Claim, log: LogIdentity) -> Seal:
        """As `ReadModel.seal`."""
        self._check_open()
        place = (claim.projection, claim.partition)
        with self._lock:
            before = self._seals.get(place)
            seal = (
                before.renewed(claim, log) if before else Seal(claim.epoch, claim.token, log, None)
            )
            self._seals[place] = seal
        return seal

    def begin(self, claim: Claim, offset: Offset) -> None:
        """As `ReadModel.begin`."""
        self._check_open()
        place = (claim.projection, claim.partition)
        with self._lock:
            before = self._seals.get(place)
            if before is None:
                raise behind(claim, 0)
            self._seals[place] = before.begun(claim, offset)

    @contextmanager
    def transaction(self, *fences: Fence) -> Iterator[Transaction]:
        """As `ReadModel.transaction`."""
        self._check_open()
        with self._lock:
            is_repeated = self._is_repeated(fences)
        transaction = Transaction(self._rows, is_repeated=is_repeated)
        yield transaction
        self._take(transaction, fences)

    @contextmanager
    def reset(self, projection: str, seals: Mapping[Partition, Seal]) -> Iterator[Transaction]:
        """As `ReadModel.reset`."""
        self._check_open()
        transaction = Transaction(self._rows, is_repeated=False)
        yield transaction
        with self._lock:
            for partition, seal in seals.items():
                before = self._seals.get((projection, partition))
                if before is not None and seal.epoch <= before.epoch:
                    raise outlived(projection, partition, seal, before.epoch)
            transaction.take_effect()
            others = [place for place in self._seals if place[0] == projection]
            for place in others:
                before = self._seals[place]
                self._seals[place] = Seal(before.epoch + 1, "", before.log, None)
            for partition, seal in seals.items():
                self._seals[projection, partition] = seal

    def close(self) -> None:
        """As `ReadModel.close`; the rows are gone with it."""
        self._closed = True

    def _take(self, transaction: Transaction, fences: tuple[Fence, ...]) -> None:
        with self._lock:
            if self._is_repeated(fences):
                return
            transaction.take_effect()
            for fence in fences:
                place = (fence.projection, fence.partition)
                self._seals[place] = self._seals[place].moved(fence)

    def _is_repeated(self, fences: tuple[Fence, ...]) -> bool:
        return are_repeated(
            fences, lambda fence: self._seals.get((fence.projection, fence.partition))
        )

    def _check_open(self) -> None:
        if self._closed:
            raise Closed("the read model is closed")


class Transaction:
    """The `Transaction`: notes what is to be done, and does it at the end if what it loaded is unchanged."""

    def __init__(self, tables: Rows, *, is_repeated: bool) -> None:
        self.is_repeated = is_repeated
        self._tables = tables
        self._loaded: list[tuple[str, Key, Row | None]] = []
        self._steps: list[Callable[[], object]] = []
        self._undoing: list[Callable[[], object]] = []

    def load(self, table: Table, keys: Sequence[Key]) -> Mapping[Key, Row]:
        """As `Transaction.load`."""
        rows = self._tables.get(table.name, {})
        found = {key: row for key in keys if (row := rows.get(keyed(table, key))) is not None}
        self._loaded += [(table.name, key, found.get(key)) for key in keys]
        return {key: given(row) for key, row in found.items()}

    def write(self, table: Table, rows: Iterable[Row], gone: Iterable[Key] = ()) -> None:
        """As `Transaction.write`."""
        placed = {table.key_of(row): row for row in [kept(table, row) for row in rows]}
        deleted = [keyed(table, key) for key in gone]
        self._steps.append(lambda: self._place(table, placed, deleted))

    def append(self, table: Table, rows: Iterable[Row]) -> None:
        """As `Transaction.append`."""
        kept_rows = [kept(table, row) for row in rows]
        added = {table.key_of(row): row for row in kept_rows}
        self._steps.append(lambda: self._add(table, added, len(kept_rows)))

    def clear(self, table: Table) -> None:
        """As `Transaction.clear`."""
        self._steps.append(lambda: self._clear(table))

    @property
    def cursor(self) -> NoReturn:
        """There is none: raises `Misconfigured`."""
        raise Misconfigured("a read model in memory has no cursor")

    def take_effect(self) -> None:
        """Does it all; `Conflict`, and nothing, where others wrote what was loaded."""
        for table, key, row in self._loaded:
            if self._tables.get(table, {}).get(key) != row:
                raise Conflict(f"a row of {table} was changed by another writer")
        try:
            for step in self._steps:
                step()
        except RowRefused:
            for undo in reversed(self._undoing):
                undo()
            raise

    def _place(self, table: Table, rows: Mapping[Key, Row], gone: Iterable[Key]) -> None:
        there = self._tables.setdefault(table.name, {})
        before = {key: there.get(key) for key in (*rows, *gone)}
        self._undoing.append(lambda: _put(there, before))
        _put(there, rows)
        _put(there, dict.fromkeys(gone))

    def _add(self, table: Table, rows: Mapping[Key, Row], count: int) -> None:
        if len(rows) < count or not rows.keys().isdisjoint(self._tables.get(table.name, {})):
            raise RowRefused(f"a row of the table {table.name} is there already")
        self._place(table, rows, ())

    def _clear(self, table: Table) -> None:
        before = self._tables.pop(table.name, {})
        self._undoing.append(lambda: self._tables.update({table.name: before}))


def _put(there: dict[Key, Row], rows: Mapping[Key, Row | None]) -> None:
    for key, row in rows.items():
        if row is None:
            there.pop(key, None)
        else:
            there[key] = row


def _differing(known: Table, table: Table) -> Misconfigured:
    columns = known.by_name.keys() | table.by_name.keys()
    differ = {name for name in columns if known.by_name.get(name) != table.by_name.get(name)}
    if known.key != table.key:
        differ.update(known.key, table.key)
    what = f"the columns {', '.join(sorted(differ))}" if differ else "the columns' order"
    return Misconfigured(
        f"two projectors call a table {table.name}, and do not agree on {what}: rename one"
    )
