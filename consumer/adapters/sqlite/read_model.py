"""Rows in a SQLite file, together with the offset up to which they hold."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from consumer.adapters.sqlite import ddl, seal_records
from consumer.adapters.sqlite.file import SqliteFile
from consumer.adapters.sqlite.transaction import SqliteTransaction, Step
from consumer.model.names import validated_name
from consumer.model.position import Claim, Fence, LogIdentity, Offset, Partition
from consumer.model.seal import Seal, are_repeated, behind
from consumer.model.table import Table
from consumer.ports.read_model import Transaction


class SqliteReadModel:
    """The `ReadModel` in a file, which is made if need be (its folder is not): for workers on one machine.

    What a transaction wrote is on the disk when its block ends. The file may be that of the offsets, and must
    not lie on a network file system.
    """

    kind = "sqlite"

    def __init__(self, path: str | Path, *, create_tables: bool = True) -> None:
        """Without `create_tables` the tables must be there, as `ddl.ddl` tells them."""
        self._creates = create_tables
        self._file = SqliteFile(path, self._make_our_own)

    def prepare(self, tables: Sequence[Table], also: Callable[[Transaction], None]) -> None:
        """As `ReadModel.prepare`; what is `also` to be done is done under the file's lock."""

        def make(connection: sqlite3.Connection) -> bool:
            if self._creates:
                ddl.make(connection, tables)
            ddl.check(connection, tables)
            return False

        with self._transacting(make, lambda connection: None) as transaction:
            transaction.begin()
            also(transaction)

    def sealed(self, projection: str, partition: Partition) -> Seal | None:
        """As `ReadModel.sealed`."""
        validated_name(projection)
        with self._file.open() as connection:
            return seal_records.read(connection, projection, partition)

    def seal(self, claim: Claim, log: LogIdentity) -> Seal:
        """As `ReadModel.seal`."""
        place = (validated_name(claim.projection), claim.partition)
        with self._file.writing() as connection:
            before = seal_records.read(connection, *place)
            after = before.renewed(claim, log) if before else Seal(claim.epoch, claim.token, log)
            seal_records.write(connection, *place, after)
        return after

    def begin(self, claim: Claim, offset: Offset) -> None:
        """As `ReadModel.begin`."""
        place = (validated_name(claim.projection), claim.partition)
        with self._file.writing() as connection:
            before = seal_records.read(connection, *place)
            if before is None:
                raise behind(claim, 0)
            seal_records.write(connection, *place, before.begun(claim, offset))

    @contextmanager
    def transaction(self, *fences: Fence) -> Iterator[Transaction]:
        """As `ReadModel.transaction`. The file is locked from the end of the block until it is written, or
        from the first use of `cursor` on: who is stopped within that window makes others wait, and no longer
        than until it goes on or ends.
        """

        def check(connection: sqlite3.Connection) -> bool:
            return are_repeated(
                fences,
                lambda fence: seal_records.read(connection, fence.projection, fence.partition),
            )

        with self._file.reading() as connection:
            is_repeated = check(connection)
        with self._transacting(
            check, partial(seal_records.move, fences=fences), is_repeated=is_repeated
        ) as transaction:
            yield transaction

    @contextmanager
    def reset(self, projection: str, seals: Mapping[Partition, Seal]) -> Iterator[Transaction]:
        """As `ReadModel.reset`, all at once."""

        def check(connection: sqlite3.Connection) -> bool:
            seal_records.check_replaceable(connection, validated_name(projection), seals)
            return False

        with self._file.reading() as connection:
            check(connection)
        settle = partial(seal_records.replace, projection=projection, replacing=seals)
        with self._transacting(check, settle) as transaction:
            yield transaction

    def close(self) -> None:
        """As `ReadModel.close`."""
        self._file.close()

    @contextmanager
    def _transacting(
        self,
        check: Callable[[sqlite3.Connection], bool],
        settle: Step,
        *,
        is_repeated: bool = False,
    ) -> Iterator[SqliteTransaction]:
        transaction = SqliteTransaction(self._file, check, is_repeated=is_repeated)
        try:
            yield transaction
            transaction.commit(settle)
        except sqlite3.OperationalError as cause:  # of the cursor, in the projector's hands
            if outage := self._file.outage(cause):
                raise outage from cause
            raise
        finally:
            transaction.undo()

    def _make_our_own(self, connection: sqlite3.Connection) -> None:
        if self._creates:
            connection.execute(seal_records.TABLE)
