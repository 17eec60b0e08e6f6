"""A read model whose rows can be told afterwards, whatever store it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar

from consumer.errors import Conflict
from consumer.model.position import Claim, Fence, LogIdentity, Offset, Partition
from consumer.model.seal import Seal
from consumer.model.table import Key, Row, Table
from consumer.ports.read_model import ReadModel, Transaction

T = TypeVar("T")
_Keys = dict[str, set[Key]]


class Watched:
    """A `ReadModel` that remembers which keys were written, so that their rows can be loaded.

    Where it `stumbles`, the first transaction of each batch is lost at its end, as one is that another
    writer came in between.
    """

    def __init__(self, inner: ReadModel, *, stumbles: bool = False) -> None:
        self.kind = inner.kind
        self._inner = inner
        self._stumbles = stumbles
        self._stumbled: set[tuple[Fence, ...]] = set()
        self._keys: _Keys = {}

    def rows(self, table: Table) -> list[Row]:
        """The table's rows, those with keys that were written, in the order of their keys."""
        keys = sorted(self._keys.get(table.name, ()))
        found = self.told(lambda transaction: transaction.load(table, keys)) if keys else {}
        return [found[key] for key in keys if key in found]

    def told(self, question: Callable[[Transaction], T]) -> T:
        """What the question finds out inside a transaction."""
        answers: list[T] = []
        self._inner.prepare((), lambda transaction: answers.append(question(transaction)))
        return answers[-1]

    def prepare(self, tables: Sequence[Table], also: Callable[[Transaction], None]) -> None:
        """As `ReadModel.prepare`."""
        self._inner.prepare(
            tables, lambda transaction: also(_WatchedTransaction(transaction, self._keys))
        )

    def sealed(self, projection: str, partition: Partition) -> Seal | None:
        """As `ReadModel.sealed`."""
        return self._inner.sealed(projection, partition)

    def seal(self, claim: Claim, log: LogIdentity) -> Seal:
        """As `ReadModel.seal`."""
        return self._inner.seal(claim, log)

    def begin(self, claim: Claim, offset: Offset) -> None:
        """As `ReadModel.begin`."""
        self._inner.begin(claim, offset)

    @contextmanager
    def transaction(self, *fences: Fence) -> Iterator[Transaction]:
        """As `ReadModel.transaction`."""
        with self._inner.transaction(*fences) as transaction:
            yield _WatchedTransaction(transaction, self._keys)
            if self._stumbles and fences not in self._stumbled:
                self._stumbled.add(fences)
                raise Conflict("another writer came in between: this test made believe so")

    def reset(
        self, projection: str, seals: Mapping[Partition, Seal]
    ) -> AbstractContextManager[Transaction]:
        """As `ReadModel.reset`."""
        return self._inner.reset(projection, seals)

    def close(self) -> None:
        """As `ReadModel.close`."""
        self._inner.close()


class _WatchedTransaction:
    """The store's own, which notes the keys too."""

    def __init__(self, inner: Transaction, keys: _Keys) -> None:
        self._inner = inner
        self._keys = keys

    @property
    def is_repeated(self) -> bool:
        return self._inner.is_repeated

    @property
    def cursor(self) -> Any:
        return self._inner.cursor

    def load(self, table: Table, keys: Sequence[Key]) -> Mapping[Key, Row]:
        return self._inner.load(table, keys)

    def write(self, table: Table, rows: Iterable[Row], gone: Iterable[Key] = ()) -> None:
        self._inner.write(table, self._noted(table, rows), gone)

    def append(self, table: Table, rows: Iterable[Row]) -> None:
        self._inner.append(table, self._noted(table, rows))

    def clear(self, table: Table) -> None:
        self._inner.clear(table)

    def _noted(self, table: Table, rows: Iterable[Row]) -> list[Row]:
        written = list(rows)
        self._keys.setdefault(table.name, set()).update(map(table.key_of, written))
        return written
