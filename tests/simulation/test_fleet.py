"""A fleet of whole engines under random rebalances, kills, zombies and outages, checked step by step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from consumer.adapters.memory.offset_store import MemoryOffsetStore
from consumer.errors import Fenced, SourceFailed, Transient
from consumer.model.event import Batch
from consumer.model.position import Claim, IntOffset, Offset, Partition
from tests.doubles import Engine, Folded, ScriptedSource

PARTITIONS = [Partition("numbers", number) for number in range(3)]
WORKERS = st.integers(0, 2)
PLACES = st.sampled_from(PARTITIONS)


class Flaky(MemoryOffsetStore):
    """Loses replies and requests when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []

    def commit(self, claim: Claim, expected: Offset | None, offset: Offset) -> None:
        fault = self.faults.pop() if self.faults else None
        if fault == "request lost":
            raise Transient(fault)
        super().commit(claim, expected, offset)
        if fault == "reply lost":
            raise Transient(fault)


class Ledger(Folded):
    """What every worker applied, in the order of application."""

    def __init__(self, applied: dict[Partition, list[int]]) -> None:
        super().__init__()
        self.applied = applied

    def apply(self, batch: Batch) -> None:
        if self.raises:
            raise self.raises.pop()
        self.applied[batch.partition] += [event.decode(int) for event in batch]


class Member:
    """A worker process of the fleet, moved one turn of its loop at a time."""

    def __init__(self, fleet: Fleet) -> None:
        self.source = ScriptedSource(*PARTITIONS, batch_size=2)
        self.source.values = fleet.values
        self.ledger = Ledger(fleet.applied)
        self.engine = Engine(self.source, fleet.offsets, self.ledger)
        self.join([])

    def join(self, partitions: Sequence[Partition]) -> None:
        self.source.open(self.engine.assignments)
        self.source.assigned = set(partitions)

    def turn(self) -> None:
        try:
            self.engine.worker.turn()
        except (Fenced, SourceFailed):
            assigned = set(self.source.assigned)
            self.source.close()
            self.join(sorted(assigned))


class Fleet(RuleBasedStateMachine):
    """Three workers, three partitions, and everything that may happen to them."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[Partition, list[bytes]] = {partition: [] for partition in PARTITIONS}
        self.applied: dict[Partition, list[int]] = {partition: [] for partition in PARTITIONS}
        self.offsets = Flaky()
        self.members = [Member(self) for _ in range(3)]
        self.owners: dict[Partition, int] = {}
        self.checked = dict.fromkeys(PARTITIONS, (-1, 0))

    @rule(partition=PLACES, count=st.integers(1, 5))
    def events_come(self, partition: Partition, count: int) -> None:
        values = self.values[partition]
        values += [str(len(values) + i).encode() for i in range(count)]

    @rule(worker=WORKERS, turns=st.integers(1, 3))
    def a_worker_goes_on(self, worker: int, turns: int) -> None:
        for _ in range(turns):
            self.members[worker].turn()

    @rule(partition=PLACES, to=WORKERS, told=st.sampled_from(["revoked", "lost", "zombie"]))
    def a_partition_moves(self, partition: Partition, to: int, told: str) -> None:
        owner = self.owners.get(partition)
        if owner is not None and owner != to:
            source = self.members[owner].source
            if partition in source.assigned and told != "zombie":
                (source.revoke if told == "revoked" else source.lose)(partition)
        self.owners[partition] = to
        self.members[to].source.assigned.add(partition)

    @rule(worker=WORKERS)
    def a_worker_is_killed_and_replaced(self, worker: int) -> None:
        self.members[worker] = Member(self)
        mine = [partition for partition, owner in self.owners.items() if owner == worker]
        self.members[worker].join(mine)

    @rule(worker=WORKERS, kind=st.sampled_from([Transient("down"), RuntimeError("bug")]))
    def an_apply_will_fail(self, worker: int, kind: Exception) -> None:
        self.members[worker].ledger.raises = [kind]

    @precondition(lambda self: len(self.offsets.faults) < 3)
    @rule(fault=st.sampled_from(["request lost", "reply lost"]))
    def a_commit_will_fail(self, fault: str) -> None:
        self.offsets.faults.append(fault)

    @invariant()
    def what_is_committed_was_applied(self) -> None:
        for partition, committed in self._committed():
            assert set(range(committed + 1)) <= set(self.applied[partition])

    @invariant()
    def no_event_is_first_applied_before_those_ahead_of_it(self) -> None:
        for applied in self.applied.values():
            first = list(dict.fromkeys(applied))
            assert first == list(range(len(first)))

    @invariant()
    def offsets_and_epochs_only_grow(self) -> None:
        for partition in PARTITIONS:
            checkpoint = self.offsets.get("folded", partition)
            if checkpoint is not None and isinstance(checkpoint.offset, IntOffset):
                now = (checkpoint.offset.value, checkpoint.epoch)
                before = self.checked[partition]
                assert now[0] >= before[0]
                assert now[1] >= before[1]
                self.checked[partition] = now

    def teardown(self) -> None:
        """Whatever happened, a fleet that is left alone comes to the end of every partition."""
        self.offsets.faults = []
        for partition in PARTITIONS:
            self.a_partition_moves(partition, 0, "lost")
        for member in self.members[1:]:
            member.source.close()
        for _ in range(200):
            self.members[0].turn()
        for partition, values in self.values.items():
            assert set(self.applied[partition]) == set(range(len(values)))
        for partition, committed in self._committed():
            assert committed == len(self.values[partition]) - 1

    def _committed(self) -> Iterator[tuple[Partition, int]]:
        for partition in PARTITIONS:
            checkpoint = self.offsets.get("folded", partition)
            if checkpoint is not None and isinstance(checkpoint.offset, IntOffset):
                yield partition, checkpoint.offset.value


TestFleet = Fleet.TestCase
TestFleet.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
