"""A Runner embedded in a program: the contract of go-sync-kit's projection package, on one partition."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pytest

from consumer import (
    Applied,
    ApplyFailed,
    Event,
    Fenced,
    IntOffset,
    Misconfigured,
    Offset,
    OffsetLost,
    Partition,
    Runner,
    Transient,
    Undecodable,
    upcaster,
)
from consumer.adapters.memory.event_log import MemoryEventLog
from consumer.adapters.memory.offset_store import MemoryOffsetStore
from consumer.model.event import Batch
from tests.doubles import Folded

EVENTS = Partition("events", 0)


@pytest.fixture
def log() -> MemoryEventLog:
    return MemoryEventLog()


@pytest.fixture
def offsets() -> MemoryOffsetStore:
    return MemoryOffsetStore()


def fill(log: MemoryEventLog, *numbers: int) -> None:
    for number in numbers:
        log.append("Counted", number)


def offset_of(offsets: MemoryOffsetStore) -> object:
    checkpoint = offsets.get("folded", EVENTS)
    return checkpoint and checkpoint.offset


def test_apply_since_applies_all_events_in_batches_and_says_how_far_it_came(
    log: MemoryEventLog, offsets: MemoryOffsetStore
) -> None:
    fill(log, *range(7))
    folded = Folded()
    runner = Runner(log, offsets, folded, batch_size=3)
    assert runner.apply_since() == Applied(7, IntOffset(6))
    assert [len(batch) for batch in folded.batches] == [3, 3, 1]
    assert offset_of(offsets) == IntOffset(6)


def test_a_batch_is_500_events_unless_told_otherwise(
    log: MemoryEventLog, offsets: MemoryOffsetStore
) -> None:
    fill(log, *range(501))
    folded = Folded()
    Runner(log, offsets, folded).apply_since()
    assert [len(batch) for batch in folded.batches] == [500, 1]


def test_with_nothing_to_apply_there_is_no_last_offset(
    log: MemoryEventLog, offsets: MemoryOffsetStore
) -> None:
    runner = Runner(log, offsets, Folded())
    assert runner.apply_since() == Applied(0, None)
    fill(log, 1)
    runner.apply_since()
    assert runner.apply_since() == Applied(0, None)


def test_a_new_runner_goes_on_from_the_checkpoint(
    log: MemoryEventLog, offsets: MemoryOffsetStore
) -> None:
    fill(log, 1, 2)
    Runner(log, offsets, Folded()).apply_since()
    fill(log, 3)
    again = Folded()
    assert Runner(log, offsets, again).apply_since() == Applied(1, IntOffset(2))
    assert again.numbers == [3]


def test_after_an_error_what_was_applied_stays_and_the_count_is_on_the_exception(
    log: MemoryEventLog, offsets: MemoryOffsetStore
) -> None:
    fill(log, *range(5))

    class FailsLater(Folded):
        def apply(self, batch: Batch) -> None:
            if self.batches:
                raise RuntimeError("the table is gone")
            super().apply(batch)

    with pytest.raises(
        ApplyFailed, match=r"folded raised RuntimeError for the events from here"
    ) as failed:
        Runner(log, offsets, FailsLater(), batch_size=2).apply_since()
    assert failed.value.applied == 2
    assert offset_of(offsets) == IntOffset(1)


def test_an_error_is_no_end_the_next_call_goes_on(
    log: MemoryEventLog, offsets: MemoryOffsetStore
) -> None:
    fill(log, 1, 2)
    folded = Folded(Transient("down"))
    runner = Runner(log, offsets, folded)
    with pytest.raises(Transient):
        runner.apply_since()
    assert runner.apply_since() == Applied(2, IntOffset(1))


def test_a_projector_of_coroutines_is_waited_for(
    log: MemoryEventLog, offsets: MemoryOffsetStore
) -> None:
    class Slow:
        name = "folded"
        handles = None
        seen = 0

        async def apply(self, batch: Batch) -> None:
            self.seen += len(batch)

    fill(log, 1, 2)
    slow = Slow()
    runner = Runner(log, offsets, slow)
    assert runner.apply_since() == Applied(2, IntOffset(1))
    assert slow.seen == 2
    runner.close()


def test_a_first_run_begins_where_the_log_begins_and_misses_what_is_trimmed_after_that(
    offsets: MemoryOffsetStore,
) -> None:
    class Trimmed(MemoryEventLog):
        first = 2

        def read(self, partition: Partition, after: Offset | None, limit: int) -> Sequence[Event]:
            if after is not None and after < IntOffset(self.first - 1):
                raise OffsetLost("trimmed")
            start = after if after is not None else IntOffset(self.first - 1)
            return super().read(partition, start, limit)

    log = Trimmed()
    fill(log, *range(6))
    folded = Folded(Transient("down"))
    runner = Runner(log, offsets, folded)
    with pytest.raises(Transient):
        runner.apply_since()
    assert offset_of(offsets) == IntOffset(1)
    log.first = 4
    with pytest.raises(OffsetLost):
        runner.apply_since()
    assert folded.numbers == []


def test_a_runner_that_was_taken_over_is_fenced(
    log: MemoryEventLog, offsets: MemoryOffsetStore
) -> None:
    fill(log, 1)
    first = Runner(log, offsets, Folded())
    first.apply_since()
    fill(log, 2)
    Runner(log, offsets, Folded()).apply_since()
    fill(log, 3)
    with pytest.raises(Fenced):
        first.apply_since()


def test_data_that_the_projector_cannot_decode_stops_behind_what_came_before_it(
    log: MemoryEventLog, offsets: MemoryOffsetStore
) -> None:
    class Adds(Folded):
        def apply(self, batch: Batch) -> None:
            for event in batch:
                event.decode(int)
            super().apply(batch)

    fill(log, 1)
    log.append("Counted", "two")
    with pytest.raises(Undecodable) as bad:
        Runner(log, offsets, Adds()).apply_since()
    assert bad.value.applied == 1
    assert offset_of(offsets) == IntOffset(0)


def test_types_that_are_not_handled_move_the_offset_and_older_versions_are_upcast(
    log: MemoryEventLog, offsets: MemoryOffsetStore
) -> None:
    class OnlyCounted(Folded):
        handles: Collection[str] | None = ("Counted",)

    double = upcaster("Counted", 1)(lambda data: data * 2)
    log.append("Counted", 4)
    log.append("Counted", 5, version=2)
    log.append("Other", "x")
    only = OnlyCounted()
    assert Runner(log, offsets, only, upcasters=[double]).apply_since().count == 3
    assert only.numbers == [8, 5]
    assert offset_of(offsets) == IntOffset(2)


def test_apply_batch_applies_these_events_and_moves_the_offset(
    log: MemoryEventLog, offsets: MemoryOffsetStore
) -> None:
    events = [log.append("Counted", n) for n in (1, 2)]
    folded = Folded()
    assert Runner(log, offsets, folded).apply_batch(events) == Applied(2, IntOffset(1))
    assert folded.numbers == [1, 2]


def test_an_empty_batch_changes_nothing(log: MemoryEventLog, offsets: MemoryOffsetStore) -> None:
    assert Runner(log, offsets, Folded()).apply_batch([]) == Applied(0, None)
    assert offset_of(offsets) is None


def test_apply_batch_skips_what_is_applied_already(
    log: MemoryEventLog, offsets: MemoryOffsetStore
) -> None:
    events = [log.append("Counted", n) for n in (1, 2, 3)]
    folded = Folded()
    runner = Runner(log, offsets, folded)
    runner.apply_batch(events[:2])
    assert runner.apply_batch(events) == Applied(1, IntOffset(2))
    assert runner.apply_batch(events[:1]) == Applied(0, None)
    assert folded.numbers == [1, 2, 3]


def test_apply_batch_first_applies_what_the_log_holds_before_the_batch(
    log: MemoryEventLog, offsets: MemoryOffsetStore
) -> None:
    events = [log.append("Counted", n) for n in range(10)]
    folded = Folded()
    runner = Runner(log, offsets, folded, batch_size=4)
    assert runner.apply_batch(events[9:]) == Applied(10, IntOffset(9))
    assert folded.numbers == list(range(10))
    assert runner.apply_batch(events[8:9]) == Applied(0, None)


def test_events_out_of_order_or_of_another_partition_are_refused_whole(
    log: MemoryEventLog, offsets: MemoryOffsetStore
) -> None:
    events = [log.append("Counted", n) for n in (1, 2)]
    folded = Folded()
    runner = Runner(log, offsets, folded)
    with pytest.raises(ValueError, match="sort by offset"):
        runner.apply_batch(events[::-1])
    with pytest.raises(ValueError, match="nothing was applied"):
        runner.apply_batch([MemoryEventLog("other").append("Counted", 1)])
    assert folded.batches == []


@pytest.mark.parametrize("size", [0, -1])
def test_a_batch_size_below_one_is_refused(
    size: int, log: MemoryEventLog, offsets: MemoryOffsetStore
) -> None:
    with pytest.raises(Misconfigured, match="batch size"):
        Runner(log, offsets, Folded(), batch_size=size)


def test_a_log_of_several_partitions_needs_one_named(offsets: MemoryOffsetStore) -> None:
    class Two(MemoryEventLog):
        def partitions(self) -> list[Partition]:
            return [EVENTS, Partition("events", 1)]

    with pytest.raises(Misconfigured, match="partition="):
        Runner(Two(), offsets, Folded())
    assert Runner(Two(), offsets, Folded(), partition=EVENTS).apply_since().count == 0


def test_a_projector_without_a_valid_name_is_refused(
    log: MemoryEventLog, offsets: MemoryOffsetStore
) -> None:
    class Nameless(Folded):
        name = ""

    with pytest.raises(Misconfigured, match="cannot name a projection"):
        Runner(log, offsets, Nameless())
