"""What a codec must ask a server for, and the server is away: the partition waits, and nothing is lost or repeated."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from consumer.adapters.memory.event_log import MemoryEventLog
from consumer.adapters.memory.offset_store import MemoryOffsetStore
from consumer.adapters.memory.read_model import MemoryReadModel
from consumer.engine.runner import Runner
from consumer.errors import ApplyFailed, Transient
from consumer.model.event import Batch, Event
from consumer.model.facts import Applied, Dropped, Halted, Resumed, Skipped, Waiting
from consumer.model.operations import ErrorType
from consumer.model.position import IntOffset, Offset, Partition
from tests.doubles import CHAINS, Asking, Chained, Engine, Folded, ScriptedSource

P0, P1 = Partition("numbers", 0), Partition("numbers", 1)


@pytest.fixture
def source() -> ScriptedSource:
    return ScriptedSource(P0, P1)


@pytest.fixture
def offsets() -> MemoryOffsetStore:
    return MemoryOffsetStore()


def offset_of(offsets: MemoryOffsetStore, partition: Partition = P0) -> object:
    checkpoint = offsets.get("folded", partition)
    return checkpoint and checkpoint.offset


def test_what_was_decoded_is_applied_and_the_rest_waits_until_it_can_be(
    source: ScriptedSource, offsets: MemoryOffsetStore
) -> None:
    source.add(P0, 1, 2, 3, 4)
    folded = Folded()
    seen = Engine(source, offsets, folded, codec=Asking(n2=3)).run()
    assert [[event.decode(int) for event in batch] for batch in folded.batches] == [
        [1],
        [2, 3],
        [4],
    ]
    assert offset_of(offsets) == IntOffset(3)
    waits = [fact for fact in seen.facts if isinstance(fact, Waiting)]
    assert [(wait.offset, wait.attempt, wait.error_type) for wait in waits] == [
        (IntOffset(0), 1, ErrorType.LOAD),
        (IntOffset(0), 2, ErrorType.LOAD),
        (IntOffset(0), 3, ErrorType.LOAD),
    ]
    assert all(isinstance(wait.cause, Transient) for wait in waits)
    assert [fact.attempts for fact in seen.facts if isinstance(fact, Resumed)] == [4]
    assert seen.of(Halted) == seen.of(Skipped) == []


def test_where_the_first_record_cannot_be_read_nothing_is_applied_or_committed_before(
    source: ScriptedSource, offsets: MemoryOffsetStore
) -> None:
    source.add(P0, 1, 2)
    folded = Folded()
    seen = Engine(source, offsets, folded, codec=Asking(n1=2)).run()
    assert folded.numbers == [1, 2]
    assert len(seen.of(Applied)) == 1
    assert [fact.offset for fact in seen.facts if isinstance(fact, Waiting)] == [IntOffset(-1)] * 2


def test_it_is_never_skipped(source: ScriptedSource, offsets: MemoryOffsetStore) -> None:
    source.add(P0, 1, b"{", 2, 3)
    folded = Folded()
    seen = Engine(source, offsets, folded, skip_poison=True, codec=Asking(n2=1)).run()
    assert folded.numbers == [1, 2, 3]
    assert len(seen.of(Skipped)) == 1


def test_while_it_waits_the_others_go_on_and_it_is_not_read_on(
    source: ScriptedSource, offsets: MemoryOffsetStore
) -> None:
    source.add(P0, 1, 2)
    source.add(P1, 10, 20, 30, 40, 50)
    codec = Asking(n1=2)
    Engine(source, offsets, Folded(), codec=codec).run()
    assert codec.decoded.index(30) < codec.decoded.index(1)
    assert (offset_of(offsets), offset_of(offsets, P1)) == (IntOffset(1), IntOffset(4))


def test_word_of_it_is_left_in_the_checkpoint_and_a_commit_ends_it(
    source: ScriptedSource, offsets: MemoryOffsetStore
) -> None:
    source.add(P0, 1, 2)
    engine = Engine(source, offsets, Folded(), codec=Asking(n2=2))
    told: list[str] = []

    def look() -> None:
        checkpoint = offsets.get("folded", P0)
        if checkpoint is not None and checkpoint.condition is not None:
            told.append(f"{checkpoint.condition.state} {checkpoint.condition.reason}".strip())

    source.before_poll = look
    engine.run()
    look()
    assert (told[0], told[-1]) == (
        "waiting Transient: http://registry is away: look at it",
        "running",
    )


def test_a_projector_that_fails_before_it_has_its_own_wait(
    source: ScriptedSource, offsets: MemoryOffsetStore
) -> None:
    source.add(P0, 1, 2)
    folded = Folded(ZeroDivisionError())
    seen = Engine(source, offsets, folded, codec=Asking(n2=1)).run()
    waits = [fact for fact in seen.facts if isinstance(fact, Waiting)]
    assert [type(wait.cause) for wait in waits] == [ApplyFailed, Transient]
    assert folded.numbers == [1, 2]


def test_what_is_poison_for_the_projector_halts_before_the_rest_is_asked_for(
    source: ScriptedSource, offsets: MemoryOffsetStore
) -> None:
    class Strict(Folded):
        def apply(self, batch: Batch) -> None:
            for event in batch:
                event.decode(str)

    source.add(P0, 1, 2)
    codec = Asking(n2=9)
    seen = Engine(source, offsets, Strict(), codec=codec).run()
    assert len(seen.of(Halted)) == 1
    assert codec.away == {2: 8}


def test_what_waits_is_dropped_with_its_partition_and_read_again(
    source: ScriptedSource, offsets: MemoryOffsetStore
) -> None:
    source.add(P0, 1, 2, 3)
    folded = Folded()
    engine = Engine(source, offsets, folded, codec=Asking(n2=3))

    def taken_away() -> None:
        if source.polls == 3:
            source.lose(P0)
            source.assigned.add(P0)

    source.before_poll = taken_away
    seen = engine.run()
    assert [fact.records for fact in seen.facts if isinstance(fact, Dropped)] == [2]
    assert folded.numbers == [1, 2, 3]
    assert offset_of(offsets) == IntOffset(2)


def test_a_read_model_has_each_event_once(
    source: ScriptedSource, offsets: MemoryOffsetStore
) -> None:
    source.add(P0, 1, 2, 3, 4)
    rows = MemoryReadModel()
    codec = Asking(n1=1, n3=2, n4=1)
    seen = Engine(source, offsets, Chained(), read_model=rows, codec=codec).run()
    assert rows.rows(CHAINS) == [(str(P0), "1 2 3 4")]
    assert len(seen.of(Waiting)) == 4


def test_a_runner_raises_it_with_the_count_so_far_and_its_next_call_goes_on(
    offsets: MemoryOffsetStore,
) -> None:
    class Away(MemoryEventLog):
        """Reads as the logs of brokers do: up to what their codec cannot ask for."""

        away = True

        def read(self, partition: Partition, after: Offset | None, limit: int) -> Sequence[Event]:
            events = super().read(partition, after, limit)
            before = [event for event in events if not self.away or event.decode(int) < 3]
            if events and not before:
                raise Transient("http://registry is away: look at it")
            return before

    log = Away()
    for number in range(1, 5):
        log.append("Counted", number)
    folded = Folded()
    runner = Runner(log, offsets, folded, batch_size=3)
    with pytest.raises(Transient, match="registry is away") as raised:
        runner.apply_since()
    assert (raised.value.applied, folded.numbers) == (2, [1, 2])
    log.away = False
    assert runner.apply_since().count == 2
    assert folded.numbers == [1, 2, 3, 4]
