"""Rows in Redis: a hash each, written by one script together with the projection's offset."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from uuid import uuid4

from consumer.adapters.redis.clearing import Clearing
from consumer.adapters.redis.connection import Client, reachable, refuse_eviction
from consumer.adapters.redis.packing import packed
from consumer.adapters.redis.read_model_keys import Keys
from consumer.adapters.redis.read_model_scripts import WRITE
from consumer.adapters.redis.read_model_transaction import Transaction, refusal
from consumer.adapters.redis.scripts import run, text
from consumer.adapters.redis.seals import Seals
from consumer.adapters.redis.table_columns import TableColumns
from consumer.errors import Closed, Conflict
from consumer.model.names import validated_name
from consumer.model.position import Claim, Fence, LogIdentity, Offset, Partition
from consumer.model.seal import Seal, are_repeated, misplaced, refused
from consumer.model.table import Table
from consumer.ports import read_model as port

#: How often what is also to be done at the start is run again at once: as many workers may start together.
_AT_ONCE = 20


class RedisReadModel:
    """The `ReadModel` on Redis 6.2 and later, Valkey, and their clusters.

    Rows are checked and written by one script, so the server does nothing else meanwhile: some milliseconds
    for a thousand. All that is under one prefix shares a slot, so in a cluster each projection should have a
    prefix, and thereby a node, of its own. The client is the read model's own from now on, which closes it.
    """

    kind = "redis"

    def __init__(self, client: Client, *, prefix: str) -> None:
        self._keys = Keys(prefix)
        self._client = client
        self._seals = Seals(client, self._keys)
        self._columns = TableColumns(client, self._keys)
        self._clearing = Clearing(client, self._keys, self._seals)
        self._closed = False

    def prepare(self, tables: Sequence[Table], also: Callable[[port.Transaction], None]) -> None:
        """As `ReadModel.prepare`. There are no tables to make: their columns are remembered."""
        self._check_open()
        refuse_eviction(self._client)
        self._columns.check(tables)
        for _ in range(_AT_ONCE):
            try:
                return self._do(also)
            except Conflict:
                continue
        return self._do(also)

    def sealed(self, projection: str, partition: Partition) -> Seal | None:
        """As `ReadModel.sealed`; while a reset is half done too, for the next one must know the epoch."""
        self._check_open()
        return self._seals.read(projection, [partition])[0]

    def seal(self, claim: Claim, log: LogIdentity) -> Seal:
        """As `ReadModel.seal`; `OffsetLost` where a reset was interrupted."""
        self._check_open()
        return self._seals.renew(claim, log)

    def begin(self, claim: Claim, offset: Offset) -> None:
        """As `ReadModel.begin`; `OffsetLost` where a reset was interrupted."""
        self._check_open()
        self._seals.begin(claim, offset)

    @contextmanager
    def transaction(self, *fences: Fence) -> Iterator[Transaction]:
        """As `ReadModel.transaction`: what was loaded is compared when the block ends, and all is written then."""
        self._check_open()
        is_repeated = self._is_repeated(fences)
        transaction = self._opened(is_repeated=is_repeated)
        yield transaction
        if not is_repeated:
            self._write(transaction, fences)

    @contextmanager
    def reset(self, projection: str, seals: Mapping[Partition, Seal]) -> Iterator[Transaction]:
        """As `ReadModel.reset`, in steps once the block has ended. Interrupted, it is to be done again: until then
        nobody may write, and `seal` says so. What is deleted is not brought back by a block that raises later.
        """
        self._check_open()
        validated_name(projection)
        transaction = Transaction(self._client, self._keys, find=lambda table: ())
        yield transaction
        self._clearing.reset(projection, seals, transaction)

    def close(self) -> None:
        """As `ReadModel.close`."""
        if not self._closed:
            self._closed = True
            with reachable("let its connections go"):
                self._client.close()

    def _opened(self, *, is_repeated: bool = False) -> Transaction:
        return Transaction(
            self._client, self._keys, find=self._clearing.find, is_repeated=is_repeated
        )

    def _do(self, also: Callable[[port.Transaction], None]) -> None:
        transaction = self._opened()
        also(transaction)
        if transaction.plan().writes:
            self._write(transaction, ())

    def _is_repeated(self, fences: Sequence[Fence]) -> bool:
        return are_repeated(
            fences, lambda fence: self._seals.read(fence.projection, [fence.partition])[0]
        )

    def _write(self, transaction: Transaction, fences: Sequence[Fence]) -> None:
        """A repeated call, of which only the reply was lost, finds its offsets, or its token, and does nothing."""
        seals = [self._keys.seal(fence.projection, fence.partition) for fence in fences]
        plan = transaction.plan(self._keys.never, *(seals or [self._keys.unfenced]))
        given = {
            "fences": [(str(each.epoch), str(each.expected), str(each.offset)) for each in fences],
            "token": uuid4().hex,
            "rows": plan.rows,
        }
        answer = run(self._client, WRITE, plan.keys, [packed(given)], _deed(fences))
        match [text(word) for word in answer]:
            case ["written" | "repeated"]:
                return
            case ["fenced", at]:
                raise refused(fences[int(at) - 1])
            case ["misplaced"]:
                raise misplaced(tuple(fences))
            case _:
                raise refusal(answer)

    def _check_open(self) -> None:
        if self._closed:
            raise Closed("the read model is closed")


def _deed(fences: Sequence[Fence]) -> str:
    if not fences:
        return "write rows"
    return "write the rows of " + ", ".join(
        f"{fence.projection} in {fence.partition} to {fence.offset}" for fence in fences
    )
