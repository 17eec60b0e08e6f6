"""Where a projection's rows are kept, together with the offset up to which they hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from consumer.model.position import Claim, Fence, LogIdentity, Offset, Partition
from consumer.model.seal import Seal
from consumer.model.table import Key, Row, Table


class Transaction(Protocol):
    """What becomes of rows at once, or not at all. Raises as `ReadModel` does, and is over with its block.

    Whoever loads rows, and then writes them, may be sure that nobody else wrote them in between: the
    store locks them, or the block ends with `Conflict`.
    """

    @property
    def is_repeated(self) -> bool:
        """Whether this very write has happened before, and only its reply was lost: then write nothing."""

    def load(self, table: Table, keys: Sequence[Key]) -> Mapping[Key, Row]:
        """The rows with these keys, those that there are, in one round trip."""

    def write(self, table: Table, rows: Iterable[Row], gone: Iterable[Key] = ()) -> None:
        """Puts the rows in place of those with their keys, if there are any, and deletes those of keys that are `gone`.

        No key may be given twice. Raises `RowRefused`, here or where the block ends, for what the table cannot keep.
        """

    def append(self, table: Table, rows: Iterable[Row]) -> None:
        """Adds rows whose keys nobody has: the fastest way in. Raises `RowRefused` as `write` does, and for a key that is taken."""

    def clear(self, table: Table) -> None:
        """Deletes all rows of the table."""

    @property
    def cursor(self) -> Any:
        """The driver's own, inside the transaction: psycopg's `Cursor`, sqlite3's `Cursor`.

        Raises `Misconfigured` where the store has no such thing.
        """


class ReadModel(Protocol):
    """A store that writes rows and moves a projection's offset in one transaction, under the fence.

    Its offset is the truth; an `OffsetStore` follows it. Every method may raise `Transient` (out of reach;
    try again), `Misconfigured` and `Closed`. Used by one thread at a time.
    """

    @property
    def kind(self) -> str:
        """What the settings call it: `postgresql`, `sqlite`, `redis`, `memory`."""

    def prepare(self, tables: Sequence[Table], also: Callable[[Transaction], None]) -> None:
        """Makes the tables where they are missing, or checks them, and then does what is `also` to be done.

        Safe to repeat and to race. Raises `Misconfigured` with all columns in which a table differs.
        """

    def sealed(self, projection: str, partition: Partition) -> Seal | None:
        """What is recorded; None where the projection never ran on the partition."""

    def seal(self, claim: Claim, log: LogIdentity) -> Seal:
        """Takes the partition's rows under the claim, by `Seal.renewed`: nothing is written under an earlier epoch from now on.

        Raises `Fenced` and `AnotherLog`.
        """

    def begin(self, claim: Claim, offset: Offset) -> None:
        """Records the offset behind which the projection begins to read, by `Seal.begun`. Raises `Fenced`."""

    def transaction(self, *fences: Fence) -> AbstractContextManager[Transaction]:
        """The block's writes, and each fence's move of an offset, happen together when the block ends well.

        Raises `Fenced`, and changes nothing, where one of the fences does not hold; then or at the end. A
        fence that was moved before makes the transaction `is_repeated`. `Conflict`, at the end or within:
        somebody else wrote what was loaded, so the block is to be run again as a whole.
        """

    def reset(
        self, projection: str, seals: Mapping[Partition, Seal]
    ) -> AbstractContextManager[Transaction]:
        """The block clears the projection's rows, and each partition is sealed as said, together.

        Whoever held a partition is fenced. The projection's other partitions lose their offsets. Raises
        `Fenced` where a seal's epoch is not above the one that is there. A store that cannot do so much at
        once lets nobody write until all is done, and the same reset may be done again.
        """

    def close(self) -> None:
        """Lets the connection go. Safe to call twice; any other call after it raises `Closed`."""
