"""A fleet that writes a read model: whatever dies, wakes up or is lost, each event is in the rows once, and in order.

Records hold one event, or several, or none, or cannot be read: then nothing of them is in the rows.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from copy import copy
from itertools import count

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from consumer.adapters.memory.offset_store import MemoryOffsetStore
from consumer.adapters.memory.read_model import MemoryReadModel
from consumer.errors import Fenced, SourceFailed, Transient
from consumer.model.custody import Custody
from consumer.model.position import Claim, IntOffset, LogIdentity, Offset, Partition
from consumer.model.seal import Seal
from tests.doubles import CHAINS, TOTALS, Chained, Engine, ScriptedSource

PARTITIONS = [Partition("numbers", number) for number in range(3)]
BATCH_SIZES = (2, 1, 5)
WORKERS = st.integers(0, 2)
PLACES = st.sampled_from(PARTITIONS)
#: How many events a record bundles, or a word for one event alone, for a bundle that the codec cannot read
#: to its end, and for one of which the projector alone finds that out.
RECORDS = st.integers(0, 3) | st.sampled_from(["single", "single", "cut off", "no number"])
FAULTS = st.sampled_from(["request lost", "reply lost", "killed before", "killed after"])


class Killed(BaseException):
    """The process that made the call is gone."""


class Faults:
    """What becomes of calls to a store, in turn."""

    def __init__(self) -> None:
        self.coming: list[str] = []

    def before(self) -> str:
        fault = self.coming.pop(0) if self.coming else ""
        if fault == "request lost":
            raise Transient(fault)
        if fault == "killed before":
            raise Killed
        return fault

    def after(self, fault: str) -> None:
        if fault == "reply lost":
            raise Transient(fault)
        if fault == "killed after":
            raise Killed


class FlakyOffsets(MemoryOffsetStore):
    """An offset store that fails as it is told to, and may forget."""

    def __init__(self, faults: Faults) -> None:
        super().__init__()
        self._faults = faults
        self._copy: dict[tuple[str, Partition], Custody] = {}

    def claim(
        self,
        projection: str,
        partition: Partition,
        *,
        owner: str,
        log: LogIdentity,
        floor: int | None = None,
    ) -> Claim:
        fault = self._faults.before()
        claim = super().claim(projection, partition, owner=owner, log=log, floor=floor)
        self._faults.after(fault)
        return claim

    def commit(self, claim: Claim, expected: Offset | None, offset: Offset) -> None:
        fault = self._faults.before()
        super().commit(claim, expected, offset)
        self._faults.after(fault)

    def copy(self) -> None:
        """As a backup is made."""
        self._copy = copy(self._custodies)

    def go_back(self) -> None:
        """To the copy."""
        self._custodies = copy(self._copy)

    def forget(self) -> None:
        """All."""
        self._custodies.clear()


class FlakyReadModel(MemoryReadModel):
    """A read model whose every step may fail."""

    def __init__(self, faults: Faults) -> None:
        super().__init__()
        self._faults = faults

    def sealed(self, projection: str, partition: Partition) -> Seal | None:
        fault = self._faults.before()
        found = super().sealed(projection, partition)
        self._faults.after(fault)
        return found

    def seal(self, claim: Claim, log: LogIdentity) -> Seal:
        fault = self._faults.before()
        sealed = super().seal(claim, log)
        self._faults.after(fault)
        return sealed

    def begin(self, claim: Claim, offset: Offset) -> None:
        fault = self._faults.before()
        super().begin(claim, offset)
        self._faults.after(fault)

    def _take(self, transaction: object, fences: object) -> None:
        fault = self._faults.before()
        super()._take(transaction, fences)  # type: ignore[arg-type]
        self._faults.after(fault)


class Member:
    """A worker process of the fleet, moved one turn of its loop at a time."""

    def __init__(self, fleet: Fleet, batch_size: int) -> None:
        self.source = ScriptedSource(*PARTITIONS, batch_size=batch_size)
        self.source.values = fleet.values
        #: By a signal, in the middle of a transaction.
        self.is_stopped = False
        self.projector = Chained()
        self.engine = Engine(
            self.source,
            fleet.offsets,
            self.projector,
            read_model=fleet.read_model,
            skip_poison=True,
        )
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
    """Three workers, three partitions, and everything that may happen to them and to their stores."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[Partition, list[bytes]] = {partition: [] for partition in PARTITIONS}
        #: What the rows hold of each record once it is settled.
        self.events: dict[Partition, list[list[int]]] = {partition: [] for partition in PARTITIONS}
        self.numbers = count()
        self.faults = Faults()
        self.offsets = FlakyOffsets(self.faults)
        self.read_model = FlakyReadModel(self.faults)
        self.members = [Member(self, size) for size in BATCH_SIZES]
        self.owners: dict[Partition, int] = {}
        self.sealed = dict.fromkeys(PARTITIONS, 0)
        for partition in PARTITIONS:  # each has its worker, and something to do
            self.records_come(partition, ["single", 2, "single"])
            self.a_partition_moves(partition, partition.number, "revoked")

    @rule(partition=PLACES, records=st.lists(RECORDS, min_size=1, max_size=5))
    def records_come(self, partition: Partition, records: list[int | str]) -> None:
        for kind in records:
            size = kind if isinstance(kind, int) else 1
            numbers = [next(self.numbers) for _ in range(size)]
            value = json.dumps(numbers[0] if kind == "single" else {"bundle": numbers})
            if kind == "cut off":
                numbers, value = [], value[:-1]
            if kind == "no number":
                numbers, value = [], json.dumps({"bundle": [*numbers, "none"]})
            self.values[partition].append(value.encode())
            self.events[partition].append(numbers)

    @rule(workers=st.lists(WORKERS, min_size=1, max_size=6))
    def workers_go_on(self, workers: list[int]) -> None:
        for worker in workers:
            member = self.members[worker]
            try:
                if not member.is_stopped:
                    member.turn()
            except Killed:
                self.a_worker_is_killed_and_replaced(worker)

    @rule(partition=PLACES, to=WORKERS, told=st.sampled_from(["revoked", "lost", "zombie"]))
    def a_partition_moves(self, partition: Partition, to: int, told: str) -> None:
        owner = self.owners.get(partition)
        if owner is not None and owner != to:
            source = self.members[owner].source
            if partition in source.assigned and told != "zombie":
                (source.revoke if told == "revoked" else source.lose)(partition)
        self.owners[partition] = to
        self.members[to].source.assigned.add(partition)

    @rule(worker=WORKERS, partition=PLACES, to=WORKERS)
    def a_worker_will_be_stopped_while_it_folds(
        self, worker: int, partition: Partition, to: int
    ) -> None:
        if worker == to:
            return

        member = self.members[worker]

        def meanwhile() -> None:
            member.is_stopped = True
            self.a_partition_moves(partition, to, "zombie")
            self.workers_go_on([to, to])
            member.is_stopped = False

        member.projector.between = meanwhile

    @rule(worker=WORKERS)
    def a_worker_is_killed_and_replaced(self, worker: int) -> None:
        self.members[worker] = Member(self, BATCH_SIZES[worker])
        mine = [partition for partition, owner in self.owners.items() if owner == worker]
        self.members[worker].join(mine)

    @rule(worker=WORKERS, kind=st.sampled_from([Transient("down"), RuntimeError("bug")]))
    def a_projection_will_fail(self, worker: int, kind: Exception) -> None:
        self.members[worker].projector.raises = [kind]

    @precondition(lambda self: len(self.faults.coming) < 3)
    @rule(fault=FAULTS, after=st.integers(0, 4))
    def a_step_of_a_store_will_fail(self, fault: str, after: int) -> None:
        self.faults.coming += [""] * after + [fault]

    @rule()
    def the_offset_store_is_copied(self) -> None:
        self.offsets.copy()

    @rule()
    def the_offset_store_goes_back_to_its_copy(self) -> None:
        self.offsets.go_back()

    @rule()
    def the_offset_store_forgets_everything(self) -> None:
        self.offsets.forget()

    @invariant()
    def each_event_up_to_the_offset_is_in_the_rows_once_and_in_order(self) -> None:
        chains = {place: seen.split() for place, seen in self.read_model.rows(CHAINS)}
        for partition in PARTITIONS:
            seen = [int(number) for number in chains.get(str(partition), [])]
            assert seen == self._settled(partition)

    @invariant()
    def what_all_partitions_share_lost_no_update(self) -> None:
        total = dict(self.read_model.rows(TOTALS)).get("all", 0)
        assert total == sum(len(self._settled(partition)) for partition in PARTITIONS)

    @invariant()
    def epochs_of_the_read_model_only_grow(self) -> None:
        for partition in PARTITIONS:
            seal = MemoryReadModel.sealed(self.read_model, "chained", partition)
            epoch = 0 if seal is None else seal.epoch
            assert epoch >= self.sealed[partition]
            self.sealed[partition] = epoch

    def teardown(self) -> None:
        """Whatever happened, a fleet that is left alone comes to the end of every partition."""
        self.faults.coming = []
        for partition in PARTITIONS:
            self.a_partition_moves(partition, 0, "lost")
            self.records_come(
                partition, ["single"]
            )  # with it an idle worker hears what became of its claim
        for member in self.members:
            member.projector.between = None
        for member in self.members[1:]:
            member.source.close()
        for _ in range(200):
            self.members[0].turn()
        assert self.members[0].engine.assignments.halted == {}
        for partition, values in self.values.items():
            assert self._offset(partition) == len(values) - 1
            checkpoint = self.offsets.get("chained", partition)
            assert checkpoint is not None
            assert checkpoint.offset == IntOffset(len(values) - 1)

    def _settled(self, partition: Partition) -> list[int]:
        """The events of the records up to the offset."""
        return [
            each
            for record in self.events[partition][: self._offset(partition) + 1]
            for each in record
        ]

    def _offset(self, partition: Partition) -> int:
        seal = MemoryReadModel.sealed(self.read_model, "chained", partition)
        offset = None if seal is None else seal.offset
        return offset.value if isinstance(offset, IntOffset) else -1


TestFleet = Fleet.TestCase
TestFleet.settings = settings(
    max_examples=200,
    stateful_step_count=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
