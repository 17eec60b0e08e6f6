"""Rows in PostgreSQL, in plain tables that any tool can query."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from consumer.adapters.postgresql.connection import Cursor, Database
from consumer.adapters.postgresql.limits import unhurried
from consumer.adapters.postgresql.seals import Seals
from consumer.adapters.postgresql.statements import Written
from consumer.adapters.postgresql.tables import Tables
from consumer.adapters.postgresql.transaction import Transaction
from consumer.model.names import validated_name
from consumer.model.position import Claim, Fence, LogIdentity, Offset, Partition
from consumer.model.seal import Seal
from consumer.model.table import Table


class PostgresqlReadModel:
    """The `ReadModel` in a schema of a database, PostgreSQL 14 or newer; `seconds` and `pooled` as in `Database`.

    A transaction holds its partitions' seals from its beginning: who seals waits for it, and so learns
    what it did, even of a process that was stopped within it and that the server ends after `seconds`.
    """

    kind = "postgresql"

    def __init__(
        self,
        url: str,
        *,
        password: Callable[[], str | None] = lambda: None,
        schema: str = "public",
        pooled: bool = False,
        create_tables: bool = True,
        seconds: float | None = None,
    ) -> None:
        self._database = Database(url, password=password, pooled=pooled, seconds=seconds)
        self._tables = Tables(schema, create=create_tables)
        self._seals = Seals(schema)
        self._written = Written(schema, {})
        self._has_seals = False

    def prepare(self, tables: Sequence[Table], also: Callable[[Transaction], None]) -> None:
        """As `ReadModel.prepare`. Indexes are made too, unless one on the same columns is there."""
        with self._database.transaction() as cursor:
            self._tables.prepare(cursor, tables)
            transaction = self._transaction(cursor, is_repeated=False)
            also(transaction)
            transaction.send()
        self._has_seals = True

    def sealed(self, projection: str, partition: Partition) -> Seal | None:
        """As `ReadModel.sealed`."""
        validated_name(projection)
        with self._open() as cursor:
            return self._seals.read(cursor, projection, partition)

    def seal(self, claim: Claim, log: LogIdentity) -> Seal:
        """As `ReadModel.seal`. It waits for a transaction under way."""
        with self._open() as cursor:
            return self._seals.renew(cursor, claim, log)

    def begin(self, claim: Claim, offset: Offset) -> None:
        """As `ReadModel.begin`."""
        with self._open() as cursor:
            self._seals.begin(cursor, claim, offset)

    @contextmanager
    def transaction(self, *fences: Fence) -> Iterator[Transaction]:
        """As `ReadModel.transaction`. A commit under way, whose reply we lost, is waited for: only then
        it can be told whether it went through.
        """
        with self._open() as cursor:
            is_repeated = self._seals.are_repeated(cursor, fences)
            transaction = self._transaction(cursor, is_repeated=is_repeated)
            yield transaction
            if not is_repeated:
                transaction.send(*map(self._seals.moving, fences))

    @contextmanager
    def reset(self, projection: str, seals: Mapping[Partition, Seal]) -> Iterator[Transaction]:
        """As `ReadModel.reset`, in one transaction, however long it takes: who reads has the old rows until then."""
        with self._open() as cursor:
            self._seals.hold_all(cursor, projection, seals)
            transaction = self._transaction(cursor, is_repeated=False)
            with unhurried(cursor):
                yield transaction
                transaction.send(self._seals.replacing(projection, seals))

    def close(self) -> None:
        """As `ReadModel.close`."""
        self._database.close()

    def _transaction(self, cursor: Cursor, *, is_repeated: bool) -> Transaction:
        return Transaction(cursor, self._written.of, is_repeated=is_repeated)

    @contextmanager
    def _open(self) -> Iterator[Cursor]:
        """A transaction in a database that has the table of the seals."""
        if not self._has_seals:
            self.prepare([], lambda transaction: None)
        with self._database.transaction() as cursor:
            yield cursor
