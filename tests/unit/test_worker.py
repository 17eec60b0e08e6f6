"""The loop of a worker, on doubles: what it does with what goes well, and with what does not."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

import pytest

from consumer.adapters.memory.offset_store import MemoryOffsetStore
from consumer.engine.upcasting import upcaster
from consumer.errors import (
    ApplyFailed,
    Fenced,
    Misconfigured,
    NoUpcaster,
    OffsetLost,
    SourceFailed,
    Transient,
    Undecodable,
)
from consumer.model.event import Batch, Event
from consumer.model.facts import (
    Applied,
    Began,
    Dropped,
    Halted,
    Lost,
    Rejoining,
    Resumed,
    Revoked,
    Skipped,
    Unclaimed,
    Waiting,
)
from consumer.model.position import Claim, IntOffset, LogIdentity, Offset, Partition
from consumer.model.record import Fetched, Record
from consumer.model.start import BEGINNING, Start
from tests.doubles import Engine, Folded, Numbers, ScriptedSource

P0, P1 = Partition("numbers", 0), Partition("numbers", 1)
LOG = LogIdentity("log", 2)


class FailingOffsets(MemoryOffsetStore):
    """Raises what a test tells it to, in place of the next commits or claims."""

    def __init__(self) -> None:
        super().__init__()
        self.commits_raise: list[Exception | None] = []
        self.claims_raise: list[Exception] = []
        self.releases_raise: list[Exception] = []
        self.released: list[Partition] = []

    def claim(
        self,
        projection: str,
        partition: Partition,
        *,
        owner: str,
        log: LogIdentity,
        floor: int | None = None,
    ) -> Claim:
        if self.claims_raise:
            raise self.claims_raise.pop(0)
        return super().claim(projection, partition, owner=owner, log=log, floor=floor)

    def commit(self, claim: Claim, expected: Offset | None, offset: Offset) -> None:
        failure = self.commits_raise.pop(0) if self.commits_raise and expected is not None else None
        if failure is not None:
            raise failure
        super().commit(claim, expected, offset)

    def release(self, claim: Claim) -> None:
        if self.releases_raise:
            raise self.releases_raise.pop(0)
        super().release(claim)
        self.released.append(claim.partition)


@pytest.fixture
def source() -> ScriptedSource:
    return ScriptedSource(P0, P1)


@pytest.fixture
def offsets() -> FailingOffsets:
    return FailingOffsets()


def offset_of(offsets: MemoryOffsetStore, partition: Partition, name: str = "folded") -> int:
    checkpoint = offsets.get(name, partition)
    assert checkpoint is not None
    assert isinstance(checkpoint.offset, IntOffset)
    return checkpoint.offset.value


def test_a_worker_applies_each_partition_in_order_and_commits_what_it_applied(
    source: ScriptedSource, offsets: FailingOffsets
) -> None:
    source.add(P0, 1, 2, 3, 4)
    source.add(P1, 10)
    folded = Folded()
    seen = Engine(source, offsets, folded).run()
    assert [n for n in folded.numbers if n < 10] == [1, 2, 3, 4]
    assert (offset_of(offsets, P0), offset_of(offsets, P1)) == (3, 0)
    assert sum(fact.events for fact in seen.facts if isinstance(fact, Applied)) == 5
    assert seen.verbs()[0] == "Started"
    assert seen.verbs()[-1] == "Stopped"


def test_an_event_is_applied_before_its_offset_is_committed(
    source: ScriptedSource, offsets: FailingOffsets
) -> None:
    committed_at_apply: list[int] = []

    class Looks(Folded):
        def apply(self, batch: Batch) -> None:
            committed_at_apply.append(offset_of(offsets, batch.partition))
            super().apply(batch)

    source.add(P0, 1, 2, 3, 4)
    Engine(source, offsets, Looks()).run()
    assert committed_at_apply == [-1, 2]


def test_a_batch_carries_the_fence_under_which_it_may_be_written(
    source: ScriptedSource, offsets: FailingOffsets
) -> None:
    source.add(P0, 1, 2, 3, 4)
    folded = Folded()
    Engine(source, offsets, folded).run()
    fences = [batch.fence for batch in folded.batches]
    assert [(f.epoch, f.expected, f.offset) for f in fences] == [
        (1, IntOffset(-1), IntOffset(2)),
        (1, IntOffset(2), IntOffset(3)),
    ]


def test_a_second_run_goes_on_from_the_checkpoint(
    source: ScriptedSource, offsets: FailingOffsets
) -> None:
    source.add(P0, 1, 2)
    Engine(source, offsets, Folded()).run()
    source.add(P0, 3)
    again = Folded()
    Engine(source, offsets, again).run()
    assert again.numbers == [3]


def test_records_at_or_below_the_checkpoint_are_not_applied_again(
    source: ScriptedSource, offsets: FailingOffsets
) -> None:
    source.add(P0, 1, 2)
    Engine(source, offsets, Folded()).run()
    source.add(P0, 3)
    folded = Folded()
    engine = Engine(source, offsets, folded)
    source.open(engine.assignments)
    list(source.poll({P0}, 0))
    source.position[P0] = 0
    for fetched in source.poll((), 0):
        engine.applying.project(fetched)
    assert folded.numbers == [3]


def test_types_that_the_projector_does_not_handle_move_the_offset_unapplied(
    source: ScriptedSource, offsets: FailingOffsets
) -> None:
    class OnlyCounted(Folded):
        handles: Collection[str] | None = frozenset({"Counted"})

    source.add(P0, ["Other", 9, "not even looked at"], 1, ["Other", 1, None])
    folded = OnlyCounted()
    Engine(source, offsets, folded).run()
    assert folded.numbers == [1]
    assert offset_of(offsets, P0) == 2


def test_a_batch_without_an_event_for_the_projector_is_not_given_to_it(
    source: ScriptedSource, offsets: FailingOffsets
) -> None:
    class Nothing(Folded):
        handles: Collection[str] | None = ()

    source.add(P0, 1, 2)
    nothing = Nothing()
    Engine(source, offsets, nothing).run()
    assert nothing.batches == []
    assert offset_of(offsets, P0) == 1


def test_a_log_that_moves_on_without_records_moves_the_checkpoint(
    source: ScriptedSource, offsets: FailingOffsets
) -> None:
    engine = Engine(source, offsets, Folded())
    source.add(P0, 1)
    engine.run()
    source.open(engine.assignments)
    list(source.poll((), 0))
    engine.applying.project(Fetched(source.claims[P0], [], IntOffset(7)))
    assert offset_of(offsets, P0) == 7


def test_a_failing_apply_is_tried_again_with_the_same_batch_until_it_goes_through(
    source: ScriptedSource, offsets: FailingOffsets
) -> None:
    source.add(P0, 1, 2, 3, 4)
    folded = Folded(KeyError("oops"), RuntimeError("again"))
    seen = Engine(source, offsets, folded).run()
    assert folded.numbers == [1, 2, 3, 4]
    waits = seen.of(Waiting)
    assert [fact.attempt for fact in waits if isinstance(fact, Waiting)] == [1, 2]
    assert all(isinstance(f.cause, ApplyFailed) for f in waits if isinstance(f, Waiting))
    assert [fact.attempts for fact in seen.facts if isinstance(fact, Resumed)] == [3]


def test_while_one_partition_waits_the_others_go_on(
    source: ScriptedSource, offsets: FailingOffsets
) -> None:
    order: list[Partition] = []

    class FailsOnP0(Folded):
        def apply(self, batch: Batch) -> None:
            if batch.partition == P0 and len(order) < 3:
                raise RuntimeError("not yet")
            order.append(batch.partition)

    source.add(P0, 1)
    source.add(P1, *range(9))
    Engine(source, offsets, FailsOnP0()).run()
    assert order == [P1, P1, P1, P0]


def test_an_exception_named_transient_in_the_settings_is_waited_out_as_one(
    source: ScriptedSource, offsets: FailingOffsets
) -> None:
    source.add(P0, 1)
    seen = Engine(source, offsets, Folded(OSError("down")), transient=(OSError,)).run()
    (waiting,) = seen.of(Waiting)
    assert isinstance(waiting, Waiting)
    assert isinstance(waiting.cause, Transient)


def test_a_read_model_is_set_up_once_before_its_first_batch_however_often_it_takes(
    source: ScriptedSource, offsets: FailingOffsets
) -> None:
    class SetUp(Folded):
        setups = 0

        def setup(self) -> None:
            assert self.batches == []
            self.setups += 1
            if self.setups == 1:
                raise Transient("the store is away")

    source.add(P0, 1, 2, 3, 4)
    set_up = SetUp()
    Engine(source, offsets, set_up).run()
    assert set_up.setups == 2
    assert set_up.numbers == [1, 2, 3, 4]


def test_a_commit_that_could_not_be_sent_is_made_again_without_applying_again(
    source: ScriptedSource, offsets: FailingOffsets
) -> None:
    source.add(P0, 1, 2)
    offsets.commits_raise = [Transient("redis is away"), Transient("still")]
    folded = Folded()
    Engine(source, offsets, folded).run()
    assert folded.numbers == [1, 2]
    assert offset_of(offsets, P0) == 1


def test_a_fenced_commit_leaves_the_membership_and_joins_again_from_the_checkpoint(
    source: ScriptedSource, offsets: FailingOffsets
) -> None:
    source.add(P0, 1, 2)
    offsets.commits_raise = [Fenced("another worker")]
    folded = Folded()
    seen = Engine(source, offsets, folded).run()
    assert len(seen.of(Rejoining)) == 1
    assert [fact.partition for fact in seen.of(Lost) if isinstance(fact, Lost)] == [P0]
    assert (source.opened, source.closed) == (2, 2)
    assert folded.numbers == [1, 2, 1, 2]


def test_a_source_that_failed_is_closed_and_opened_again(
    source: ScriptedSource, offsets: FailingOffsets
) -> None:
    failures = [SourceFailed("fatal")]

    def fail_once() -> None:
        if failures:
            raise failures.pop()

    source.add(P0, 1)
    source.before_poll = fail_once
    folded = Folded()
    seen = Engine(source, offsets, folded).run()
    assert len(seen.of(Rejoining)) == 1
    assert folded.numbers == [1]


def test_settings_that_cannot_work_end_the_run_and_still_leave_the_membership(
    source: ScriptedSource, offsets: FailingOffsets
) -> None:
    source.add(P0, 1)
    with pytest.raises(Misconfigured, match="no such table"):
        Engine(source, offsets, Folded(Misconfigured("no such table"))).run()
    assert source.closed == 1


def test_a_codec_that_raises_what_it_must_not_halts_that_partition_alone(
    source: ScriptedSource, offsets: FailingOffsets, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(codec: Numbers, record: Record) -> Event:
        if record.value == b"13":
            raise KeyError("a secret")
        return decode(codec, record)

    decode = Numbers.decode
    monkeypatch.setattr(Numbers, "decode", broken)
    source.add(P0, 1, 13)
    source.add(P1, 10)
    folded = Folded()
    seen = Engine(source, offsets, folded).run()
    assert folded.numbers == [1, 10]
    (halted,) = seen.of(Halted)
    assert isinstance(halted, Halted)
    assert "its codec raised KeyError at engine/decoding.py:" in str(halted.cause)
    assert " > unit/test_worker.py:" in str(halted.cause)
    assert "secret" not in str(halted.cause)


def test_a_type_that_cannot_be_decoded_is_the_projectors_fault_and_no_event_is_skipped_for_it(
    source: ScriptedSource, offsets: FailingOffsets
) -> None:
    class AsksForTheImpossible(Folded):
        asked = 0

        def apply(self, batch: Batch) -> None:
            self.asked += 1
            if self.asked == 1:
                batch.events[0].decode(int | list[int] | tuple[int, ...])  # type: ignore[arg-type]
            super().apply(batch)

    source.add(P0, 1)
    asks = AsksForTheImpossible()
    seen = Engine(source, offsets, asks, skip_poison=True).run()
    assert seen.of(Skipped) == []
    assert len(seen.of(Waiting)) == 1
    assert asks.numbers == [1]


def test_a_coroutine_however_it_is_declared_is_waited_for(
    source: ScriptedSource, offsets: FailingOffsets
) -> None:
    class Slow(Folded):
        async def applied(self, batch: Batch) -> None:
            await asyncio.sleep(0)
            super().apply(batch)

        def apply(self, batch: Batch) -> None:
            return self.applied(batch)  # type: ignore[return-value]  # as an undeclared decorator does

    source.add(P0, 1, 2)
    slow = Slow()
    engine = Engine(source, offsets, slow)
    engine.run()
    engine.loop.close()
    assert slow.numbers == [1, 2]


def test_an_undecodable_record_halts_its_partition_behind_what_came_before_it(
    source: ScriptedSource, offsets: FailingOffsets
) -> None:
    source.add(P0, 1, b"{", 3)
    source.add(P1, 10)
    folded = Folded()
    engine = Engine(source, offsets, folded)
    seen = engine.run()
    assert folded.numbers == [1, 10]
    assert offset_of(offsets, P0) == 0
    (halted,) = seen.of(Halted)
    assert isinstance(halted, Halted)
    assert isinstance(halted.cause, Undecodable)
    assert halted.offset == IntOffset(0)
    assert list(engine.worker.halted) == [P0]


def test_an_undecodable_first_record_halts_without_moving_the_checkpoint(
    source: ScriptedSource, offsets: FailingOffsets
) -> None:
    source.add(P0, b"{")
    seen = Engine(source, offsets, Folded()).run()
    assert offset_of(offsets, P0) == -1
    assert seen.of(Applied) == []
    assert len(seen.of(Halted)) == 1


def test_undecodable_records_are_skipped_with_a_record_where_the_settings_say_so(
    source: ScriptedSource, offsets: FailingOffsets
) -> None:
    source.add(P0, 1, b"{", 3)
    folded = Folded()
    seen = Engine(source, offsets, folded, skip_poison=True).run()
    assert folded.numbers == [1, 3]
    assert [fact.offset for fact in seen.facts if isinstance(fact, Skipped)] == [IntOffset(1)]
    assert offset_of(offsets, P0) == 2


class Adds(Folded):
    """Finds out only in apply that an event's data is not what it should be."""

    def apply(self, batch: Batch) -> None:
        for event in batch:
            event.decode(int)
        super().apply(batch)


def test_data_that_only_the_projector_can_decode_halts_behind_what_came_before_it(
    source: ScriptedSource, offsets: FailingOffsets
) -> None:
    source.add(P0, 1, "two", 3)
    adds = Adds()
    seen = Engine(source, offsets, adds).run()
    assert adds.numbers == [1]
    assert offset_of(offsets, P0) == 0
    assert len(seen.of(Halted)) == 1


def test_what_it_does_not_handle_before_such_data_is_settled_too(
    source: ScriptedSource, offsets: FailingOffsets
) -> None:
    adds = Adds()
    adds.handles = ("Counted",)
    source.add(P0, ["Other", 1, 0], ["Other", 1, 0], "two")
    Engine(source, offsets, adds).run()
    assert offset_of(offsets, P0) == 1


def test_a_turn_makes_one_apply_of_a_batch_with_events_to_put_aside(
    source: ScriptedSource, offsets: FailingOffsets
) -> None:
    """So that the worker polls between them, however many there are."""

    class Counts(Adds):
        applies = 0

        def apply(self, batch: Batch) -> None:
            self.applies += 1
            super().apply(batch)

    source.add(P0, "a", "b", 3)
    counts = Counts()
    engine = Engine(source, offsets, counts, skip_poison=True)
    source.open(engine.assignments)
    for turn in (1, 2, 3):
        engine.worker.turn()
        assert counts.applies == turn
    assert counts.numbers == [3]
    assert not {"Waiting", "Resumed"} & set(engine.seen.verbs())
    assert len(engine.seen.of(Applied)) == 1


def test_data_that_only_the_projector_can_decode_is_skipped_where_the_settings_say_so(
    source: ScriptedSource, offsets: FailingOffsets
) -> None:
    source.add(P0, "one", 2, "three")
    adds = Adds()
    seen = Engine(source, offsets, adds, skip_poison=True).run()
    assert adds.numbers == [2]
    assert len(seen.of(Skipped)) == 2
    assert offset_of(offsets, P0) == 2


def test_a_poison_that_names_none_of_the_events_waits_like_any_failure(
    source: ScriptedSource, offsets: FailingOffsets
) -> None:
    source.add(P0, 1)
    folded = Folded(Undecodable(P0, IntOffset(99), "elsewhere"))
    seen = Engine(source, offsets, folded, skip_poison=True).run()
    assert len(seen.of(Waiting)) == 1
    assert folded.numbers == [1]


def test_events_of_an_older_schema_version_are_upcast(
    source: ScriptedSource, offsets: FailingOffsets
) -> None:
    double = upcaster("Counted", 1)(lambda data: data * 2)
    source.add(P0, ["Counted", 1, 4], ["Counted", 2, 5])
    folded = Folded()
    Engine(source, offsets, folded, upcasters=[double]).run()
    assert folded.numbers == [8, 5]


def test_a_schema_version_that_nothing_leads_to_halts_the_partition(
    source: ScriptedSource, offsets: FailingOffsets
) -> None:
    class OnlyCounted(Folded):
        handles: Collection[str] | None = ("Counted",)

    source.add(P0, 1, ["Counted", 2, 5])
    seen = Engine(source, offsets, OnlyCounted()).run()
    (halted,) = seen.of(Halted)
    assert isinstance(halted, Halted)
    assert isinstance(halted.cause, NoUpcaster)


def test_a_partition_that_cannot_be_claimed_is_asked_for_again_and_never_read_before(
    source: ScriptedSource, offsets: FailingOffsets
) -> None:
    source.add(P0, 1)
    offsets.claims_raise = [Transient("redis is away"), Transient("still")]
    folded = Folded()
    seen = Engine(source, offsets, folded).run()
    assert len(seen.of(Unclaimed)) == 2
    assert folded.numbers == [1]


def test_a_claim_from_another_log_halts_the_partition(offsets: FailingOffsets) -> None:
    before = ScriptedSource(P0, log="before")
    before.add(P0, 1)
    Engine(before, offsets, Folded()).run()
    anew = ScriptedSource(P0, log="anew")
    anew.add(P0, 1, 2, 3)
    folded = Folded()
    engine = Engine(anew, offsets, folded)
    anew.open(engine.assignments)
    for _ in range(3):
        list(anew.poll((), 0))
    assert folded.batches == []
    assert len(engine.seen.of(Halted)) == 1


def test_an_offset_store_that_lost_its_record_halts_the_partition_and_no_other(
    source: ScriptedSource, offsets: FailingOffsets
) -> None:
    source.add(P0, 1)
    source.add(P1, 10)
    offsets.commits_raise = [OffsetLost("gone")]
    seen = Engine(source, offsets, Folded()).run()
    assert len(seen.of(Halted)) == 1
    assert offset_of(offsets, P1) == 0


def test_a_first_start_is_committed_before_anything_is_read(
    source: ScriptedSource, offsets: FailingOffsets
) -> None:
    seen = Engine(source, offsets, Folded(), start=Start("end")).run()
    assert source.firsts == [Start("end")] * 2
    assert offset_of(offsets, P0) == -1
    assert [fact.start for fact in seen.facts if isinstance(fact, Began)] == [Start("end")] * 2


def test_a_partition_added_later_starts_at_its_beginning_whatever_start_says(
    offsets: FailingOffsets,
) -> None:
    Engine(ScriptedSource(P0), offsets, Folded(), start=Start("end")).run()
    grown = ScriptedSource(P0, P1)
    Engine(grown, offsets, Folded(), start=Start("end")).run()
    assert grown.firsts == [BEGINNING]


def test_a_revoked_partition_is_released_and_a_lost_one_is_not(
    source: ScriptedSource, offsets: FailingOffsets
) -> None:
    engine = Engine(source, offsets, Folded())

    def act() -> None:
        if source.polls == 2:
            source.revoke(P0)
            source.lose(P1)

    source.before_poll = act
    source.add(P1, 1, 2, 3, 4)
    engine.run()
    assert offsets.released == [P0]


def test_a_release_that_fails_stops_no_leave_and_the_rest_is_not_waited_for(
    source: ScriptedSource, offsets: FailingOffsets
) -> None:
    offsets.releases_raise = [Transient("redis is away")]
    source.add(P0, 1)
    seen = Engine(source, offsets, Folded()).run()
    assert offsets.released == []
    assert len(seen.of(Revoked)) == 2


def test_what_waits_for_a_partition_that_was_lost_is_dropped(
    source: ScriptedSource, offsets: FailingOffsets
) -> None:
    source.add(P0, 1, 2)

    class Never(Folded):
        def apply(self, batch: Batch) -> None:
            raise RuntimeError("never")

    def act() -> None:
        if source.polls == 3:
            source.lose(P0)

    source.before_poll = act
    seen = Engine(source, offsets, Never()).run()
    assert [f.records for f in seen.facts if isinstance(f, Dropped)] == [2]
    assert offset_of(offsets, P0) == -1


def test_records_under_an_old_claim_are_dropped(
    source: ScriptedSource, offsets: FailingOffsets
) -> None:
    folded = Folded()
    engine = Engine(source, offsets, folded)
    source.add(P0, 1)
    source.open(engine.assignments)
    (stale,) = source.poll((), 0)
    source.revoke(P0)
    source.assigned.add(P0)
    list(source.poll((), 0))
    engine.applying.project(stale)
    assert folded.batches == []
    assert len(engine.seen.of(Dropped)) == 1


def test_no_apply_starts_past_the_deadline_of_a_lease_and_nothing_is_lost_when_it_is_extended(
    source: ScriptedSource, offsets: FailingOffsets
) -> None:
    source.add(P0, 1, 2, 3, 4)
    source.disowned = {P0}

    def extend() -> None:
        if source.polls == 4:
            source.disowned = set()

    source.before_poll = extend
    folded = Folded()
    seen = Engine(source, offsets, folded).run()
    assert folded.numbers == [1, 2, 3, 4]
    assert len(seen.of(Waiting)) >= 2


def test_a_source_that_reads_on_while_paused_is_closed_before_events_are_jumped(
    source: ScriptedSource, offsets: FailingOffsets
) -> None:
    source.add(P0, 1, 2, 3, 4)
    folded = Folded(RuntimeError("once"))
    engine = Engine(source, offsets, folded)
    source.open(engine.assignments)
    (first,) = source.poll((), 0)
    engine.applying.project(first)
    (second,) = source.poll((), 0)
    with pytest.raises(SourceFailed, match="while it was paused"):
        engine.applying.project(second)


def test_stop_finishes_the_batch_in_hand_commits_it_and_takes_no_other(
    source: ScriptedSource, offsets: FailingOffsets
) -> None:
    source.add(P0, *range(9))
    source.add(P1, 10)
    engine: Engine

    class Stops(Folded):
        def apply(self, batch: Batch) -> None:
            engine.worker.stop()
            super().apply(batch)

    stops = Stops()
    engine = Engine(source, offsets, stops)
    engine.run()
    assert stops.numbers == [0, 1, 2]
    assert offset_of(offsets, P0) == 2
    assert sorted(offsets.released) == [P0, P1]
