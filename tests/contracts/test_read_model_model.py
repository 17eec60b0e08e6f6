"""Any sequence of transactions has the same outcome in every read model; the one in memory is what they are compared to."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from consumer.adapters.memory.read_model import MemoryReadModel
from consumer.adapters.sqlite.read_model import SqliteReadModel
from consumer.model.position import Fence, IntOffset, LogIdentity, Offset, Partition, StreamOffset
from consumer.model.seal import Seal
from consumer.model.table import Column, Kind, Table
from consumer.ports.read_model import ReadModel, Transaction
from tests.contracts.read_model_contract import claim

PROJECTIONS = st.sampled_from(["orders", "orders@2"])
PARTITIONS = st.sampled_from([Partition("t", 1), Partition("t", 2)])
OFFSETS = st.sampled_from([IntOffset(-1), IntOffset(0), IntOffset(1), StreamOffset(1, 0)])
EPOCHS = st.integers(1, 4)
TOKENS = st.sampled_from(["one", "two"])
LOGS = st.builds(LogIdentity, st.sampled_from(["", "one", "two"]), st.integers(1, 2))
SEALS = st.builds(Seal, EPOCHS, TOKENS, LOGS, st.none() | OFFSETS)
FENCES = st.builds(Fence, PROJECTIONS, PARTITIONS, EPOCHS, OFFSETS, OFFSETS)

TABLES = [
    Table("singles", (Column("k", Kind.TEXT), Column("v", Kind.DECIMAL, nullable=True)), ("k",)),
    Table(
        "pairs",
        (Column("v", Kind.FLOAT, nullable=True), Column("b", Kind.DECIMAL), Column("a", Kind.TEXT)),
        ("a", "b"),
    ),
]
TEXTS = st.sampled_from(["", "a", "b", "é"])
DECIMALS = st.decimals(-2, 2, places=1)
VALUES = [
    (TEXTS, st.none() | DECIMALS),
    (st.none() | st.floats(allow_nan=False), DECIMALS, TEXTS),
]


def rows_of(which: int) -> Any:
    table = TABLES[which]
    return st.lists(st.tuples(*VALUES[which]), max_size=4, unique_by=table.key_of)


@st.composite
def deeds(draw: Any) -> tuple[str, Table, Any, Any]:
    """What is done in a transaction, to which table, with which rows and keys."""
    which = draw(st.integers(0, 1))
    table = TABLES[which]
    rows = draw(rows_of(which))
    keys = [table.key_of(row) for row in draw(rows_of(which))]
    gone = [key for key in keys if key not in {table.key_of(row) for row in rows}]
    return draw(st.sampled_from(["load", "write", "write", "append", "clear"])), table, rows, gone


class Oops(Exception):
    """What a projector raises."""


def outcome(call: Callable[[], Any]) -> Any:
    """What a call returns or refuses."""
    try:
        return call()
    except Exception as refusal:
        return type(refusal).__name__


def do(transaction: Transaction, done: Sequence[tuple[str, Table, Any, Any]]) -> list[Any]:
    # Loaded before anything is written: what was written within is seen at the end.
    found: list[Any] = [
        dict(transaction.load(table, [*map(table.key_of, rows), *gone]))
        for what, table, rows, gone in done
        if what == "load"
    ]
    for what, table, rows, gone in done:
        if what == "write":
            transaction.write(table, rows, gone)
        elif what == "append":
            transaction.append(table, rows)
        elif what == "clear":
            transaction.clear(table)
    return found


class Twins(RuleBasedStateMachine):
    """A read model, and the one in memory."""

    def __init__(self, model: ReadModel) -> None:
        super().__init__()
        self.pair = (model, MemoryReadModel())
        self.prepare()

    @rule()
    def prepare(self) -> None:
        self.agree(lambda model: model.prepare(TABLES, lambda transaction: None))

    @rule(projection=PROJECTIONS, partition=PARTITIONS, epoch=EPOCHS, token=TOKENS, log=LOGS)
    def seal(
        self, projection: str, partition: Partition, epoch: int, token: str, log: LogIdentity
    ) -> None:
        self.agree(lambda model: model.seal(claim(epoch, token, partition, projection), log))

    @rule(projection=PROJECTIONS, partition=PARTITIONS, epoch=EPOCHS, token=TOKENS, offset=OFFSETS)
    def begin(
        self, projection: str, partition: Partition, epoch: int, token: str, offset: Offset
    ) -> None:
        self.agree(lambda model: model.begin(claim(epoch, token, partition, projection), offset))

    @rule(fence=FENCES, more=st.lists(FENCES, max_size=1), done=st.lists(deeds(), max_size=4))
    def transact(self, fence: Fence, more: list[Fence], done: Any) -> None:
        self.transact_within([fence, *more], done)

    @rule(
        projection=PROJECTIONS,
        partition=PARTITIONS,
        offset=OFFSETS,
        done=st.lists(deeds(), max_size=4),
        fails=st.booleans(),
    )
    def go_on(
        self, projection: str, partition: Partition, offset: Offset, done: Any, fails: bool
    ) -> None:
        """Under the fence that holds, where there is one."""
        seal = self.pair[1].sealed(projection, partition)
        if seal is not None and seal.offset is not None:
            fence = Fence(projection, partition, seal.epoch, seal.offset, offset)
            self.transact_within([fence], done, fails=fails)

    def transact_within(self, fences: list[Fence], done: Any, *, fails: bool = False) -> None:
        def on(model: ReadModel) -> Any:
            with model.transaction(*fences) as transaction:
                if transaction.is_repeated:
                    return "repeated"
                found = do(transaction, done)
                if fails:
                    raise Oops
            return found

        self.agree(on)

    @rule(
        projection=PROJECTIONS,
        seals=st.dictionaries(PARTITIONS, SEALS, max_size=2),
        done=st.lists(deeds(), max_size=2),
    )
    def reset(self, projection: str, seals: dict[Partition, Seal], done: Any) -> None:
        def on(model: ReadModel) -> None:
            with model.reset(projection, seals) as transaction:
                do(transaction, done)

        self.agree(on)

    @rule(projection=PROJECTIONS, partition=PARTITIONS)
    def sealed(self, projection: str, partition: Partition) -> None:
        self.agree(lambda model: model.sealed(projection, partition))

    @rule(which=st.integers(0, 1), data=st.data())
    def load(self, which: int, data: Any) -> None:
        keys = list(map(TABLES[which].key_of, data.draw(rows_of(which))))
        found: list[Any] = []
        self.agree(
            lambda model: model.prepare(
                [], lambda transaction: found.append(transaction.load(TABLES[which], keys))
            )
        )
        assert found[0] == found[1]

    def agree(self, call: Callable[[ReadModel], Any]) -> None:
        ours, theirs = (outcome(lambda model=model: call(model)) for model in self.pair)
        assert ours == theirs

    def teardown(self) -> None:
        for model in self.pair:
            model.close()


def run(make: Callable[[], ReadModel]) -> None:
    run_state_machine_as_test(
        lambda: Twins(make()),
        settings=settings(
            max_examples=60,
            stateful_step_count=30,
            deadline=None,
            database=None,
            derandomize=True,  # a build is red for what it changed, not for its luck
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_sqlite_does_as_memory_does(tmp_path: Path) -> None:
    run(lambda: SqliteReadModel(tmp_path / f"{uuid.uuid4().hex}.db"))
