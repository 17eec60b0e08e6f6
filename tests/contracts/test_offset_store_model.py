"""Any sequence of calls has the same outcome on every store; the one in memory is what they are compared to."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    multiple,
    rule,
    run_state_machine_as_test,
)

from consumer.adapters.memory.offset_store import MemoryOffsetStore
from consumer.adapters.postgresql.connection import Database
from consumer.adapters.postgresql.offset_store import PostgresqlOffsetStore
from consumer.adapters.redis.connection import connect
from consumer.adapters.redis.offset_store import RedisOffsetStore
from consumer.adapters.sqlite.offset_store import SqliteOffsetStore
from consumer.errors import ConsumerError
from consumer.model.condition import Condition
from consumer.model.position import (
    Checkpoint,
    Claim,
    IntOffset,
    LogIdentity,
    Offset,
    Partition,
    StreamOffset,
)
from consumer.ports.offset_store import OffsetStore
from tests.contracts.offset_store_contract import timeless

PROJECTIONS = st.sampled_from(["orders", "orders@2"])
PARTITIONS = st.sampled_from([Partition("t", 1), Partition("t", 2), Partition("u:{1}", 1)])
OFFSETS = st.sampled_from([IntOffset(-1), IntOffset(0), IntOffset(10), StreamOffset(10, 0)])
LOGS = st.builds(LogIdentity, st.sampled_from(["", "one", "two"]), st.integers(1, 2))
CONDITIONS = st.builds(
    Condition, st.sampled_from(["running", "waiting", "halted"]), st.sampled_from(["", "why", "ä"])
)
FLOORS = st.none() | st.integers(0, 20)


def outcome(call: Callable[[], Any]) -> Any:
    """What a call returns or refuses, without tokens and times, which no two stores share."""
    try:
        answer = call()
    except ConsumerError as refusal:
        return type(refusal)
    match answer:
        case Claim(epoch=epoch, offset=offset):
            return epoch, offset
        case Checkpoint():
            return timeless(answer)
        case _:
            return answer


class Twins(RuleBasedStateMachine):
    """A store, and the one in memory: each claim of one has its twin of the other."""

    def __init__(self, store: OffsetStore) -> None:
        super().__init__()
        self.pair = (store, MemoryOffsetStore())

    claims = Bundle("claims")

    @rule(target=claims, projection=PROJECTIONS, partition=PARTITIONS, log=LOGS, floor=FLOORS)
    def claim(
        self, projection: str, partition: Partition, log: LogIdentity, floor: int | None
    ) -> Any:
        made: list[Claim] = []

        def on(store: OffsetStore) -> Claim:
            made.append(store.claim(projection, partition, owner="w", log=log, floor=floor))
            return made[-1]

        self.agree(on)
        return tuple(made) if made else multiple()

    @rule(claims=claims, expected=st.none() | OFFSETS, offset=OFFSETS)
    def commit(self, claims: tuple[Claim, Claim], expected: Offset | None, offset: Offset) -> None:
        pairs = iter(claims)
        self.agree(lambda store: store.commit(next(pairs), expected, offset))

    @rule(claims=claims)
    def release(self, claims: tuple[Claim, Claim]) -> None:
        pairs = iter(claims)
        self.agree(lambda store: store.release(next(pairs)))

    @rule(claims=claims, condition=CONDITIONS)
    def note(self, claims: tuple[Claim, Claim], condition: Condition) -> None:
        pairs = iter(claims)
        self.agree(lambda store: store.note(next(pairs), condition))

    @rule(projection=PROJECTIONS, partition=PARTITIONS, offset=OFFSETS, log=LOGS)
    def move(self, projection: str, partition: Partition, offset: Offset, log: LogIdentity) -> None:
        self.agree(lambda store: store.move(projection, partition, offset, log=log))

    @rule(projection=PROJECTIONS)
    def reset(self, projection: str) -> None:
        self.agree(lambda store: store.reset(projection))

    @rule(projection=PROJECTIONS, partition=PARTITIONS)
    def get(self, projection: str, partition: Partition) -> None:
        self.agree(lambda store: store.get(projection, partition))

    @rule(projection=PROJECTIONS)
    def partitions(self, projection: str) -> None:
        self.agree(lambda store: list(store.partitions(projection)))

    @rule()
    def list_projections(self) -> None:
        self.agree(lambda store: list(store.list_projections()))

    def agree(self, call: Callable[[OffsetStore], Any]) -> None:
        ours, theirs = (outcome(lambda store=store: call(store)) for store in self.pair)
        assert ours == theirs

    def teardown(self) -> None:
        for store in self.pair:
            store.close()


def run(make: Callable[[], OffsetStore]) -> None:
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
    run(lambda: SqliteOffsetStore(tmp_path / f"{uuid.uuid4().hex}.db"))


@pytest.mark.parametrize("server", ["valkey", "redis_62", "redis_70"])
def test_redis_does_as_memory_does(server: str, request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue(server).url
    run(lambda: RedisOffsetStore(connect(url), prefix=f"test-{uuid.uuid4().hex}"))


@pytest.mark.parametrize("pooled", [False, True], ids=["postgresql", "pgbouncer"])
def test_postgresql_does_as_memory_does(request: pytest.FixtureRequest, pooled: bool) -> None:
    url = request.getfixturevalue("postgresql").database()
    if pooled:
        url = request.getfixturevalue("pgbouncer").url(url)
    schemas = itertools.count()

    def make() -> OffsetStore:
        database = Database(url, pooled=pooled, seconds=5)
        return PostgresqlOffsetStore(database, schema=f"s{next(schemas)}")

    run(make)
