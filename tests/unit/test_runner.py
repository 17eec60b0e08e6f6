"""A Runner embedded in a program: the contract of go-sync-kit's projection package, on one partition."""

from __future__ import annotations

import asyncio
import logging
import math
import signal
import sys
import threading
from collections.abc import Collection, Iterator, Sequence
from threading import Event as Happened
from typing import Any

import pytest

from consumer import (
    Applied,
    ApplyFailed,
    Cancelled,
    Claim,
    Closed,
    Event,
    Fenced,
    IntOffset,
    Misconfigured,
    NoUpcaster,
    Offset,
    OffsetLost,
    Partition,
    Runner,
    Start,
    TimedOut,
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

        def before(self, partition: Partition, start: Start) -> Offset:
            return IntOffset(self.first - 1)

        def read(self, partition: Partition, after: Offset | None, limit: int) -> Sequence[Event]:
            if after is not None and after < IntOffset(self.first - 1):
                raise OffsetLost("trimmed")
            return super().read(partition, after, limit)

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


@pytest.mark.parametrize(
    "given",
    [[3, 8], [8], [5, 8], [5, 6, 8], [0, 1, 2, 6, 8], list(range(9))],
    ids=str,
)
@pytest.mark.parametrize("batch_size", [1, 2, 500])
def test_what_the_log_holds_between_the_given_events_is_applied_in_its_place(
    given: list[int], batch_size: int, log: MemoryEventLog, offsets: MemoryOffsetStore
) -> None:
    events = [log.append("Counted", n) for n in range(12)]
    folded = Folded()
    runner = Runner(log, offsets, folded, batch_size=batch_size)
    runner.apply_batch(events[:5])
    assert runner.apply_batch([events[n] for n in given]) == Applied(4, IntOffset(8))
    assert folded.numbers == list(range(9))
    assert all(len(batch) <= batch_size for batch in folded.batches)
    assert runner.apply_since().count == 3
    assert folded.numbers == list(range(12))


class Compacted(MemoryEventLog):
    """A log that holds only some of its offsets, and counts how often it is read."""

    def __init__(self, *kept: int) -> None:
        super().__init__()
        self._kept = kept
        self.reads = 0

    def read(self, partition: Partition, after: Offset | None, limit: int) -> Sequence[Event]:
        self.reads += 1
        assert isinstance(after, IntOffset)
        left = super().read(partition, after, 1000)
        return [event for event in left if event.offset.value in self._kept][:limit]  # type: ignore[attr-defined]


def test_gaps_of_the_log_itself_are_passed_with_one_read_for_many(
    offsets: MemoryOffsetStore,
) -> None:
    log = Compacted(*range(1, 40, 2))
    events = [log.append("Counted", n) for n in range(40)]
    folded = Folded()
    runner = Runner(log, offsets, folded, batch_size=10)
    assert runner.apply_batch(events[1::2]) == Applied(20, IntOffset(39))
    assert folded.numbers == list(range(1, 40, 2))
    assert log.reads == 2


def test_given_events_that_follow_each_other_are_not_read_from_the_log(
    offsets: MemoryOffsetStore,
) -> None:
    log = Compacted()
    runner = Runner(log, offsets, Folded(), batch_size=4)
    events = [log.append("Counted", n) for n in range(10)]
    assert runner.apply_batch(events[:7]) == Applied(7, IntOffset(6))
    assert runner.apply_batch(events) == Applied(3, IntOffset(9))
    assert log.reads == 0


def test_given_events_that_the_log_does_not_show_yet_are_applied_in_their_place(
    offsets: MemoryOffsetStore,
) -> None:
    log = Compacted(0, 2, 3)
    events = [log.append("Counted", n) for n in range(9)]
    folded = Folded()
    runner = Runner(log, offsets, folded, batch_size=2)
    assert runner.apply_batch([events[1], events[4], events[8]]).count == 6
    assert folded.numbers == [0, 1, 2, 3, 4, 8]


def test_given_events_filled_up_from_the_log_make_no_batch_above_its_size(
    offsets: MemoryOffsetStore,
) -> None:
    log = Compacted(3, 4)
    events = [log.append("Counted", n) for n in range(6)]
    folded = Folded()
    Runner(log, offsets, folded, batch_size=2).apply_batch([events[2], events[5]])
    assert folded.numbers == [2, 3, 4, 5]
    assert max(len(batch) for batch in folded.batches) == 2


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


class Coroutines(Folded):
    """A projector whose `apply` is a coroutine."""

    async def apply(self, batch: Batch) -> None:  # type: ignore[override]
        await asyncio.sleep(0)
        self.batches.append(batch)


def test_inside_a_running_event_loop_a_projector_of_coroutines_is_told_to_go_to_a_thread(
    log: MemoryEventLog, offsets: MemoryOffsetStore
) -> None:
    fill(log, 1)
    projector = Coroutines()

    async def inside() -> Applied:
        with Runner(log, offsets, projector) as runner:
            with pytest.raises(Misconfigured, match=r"Coroutines\.apply .* asyncio\.to_thread"):
                runner.apply_since()
            assert offset_of(offsets) == IntOffset(-1)
            return await asyncio.to_thread(runner.apply_since)

    assert asyncio.run(inside()) == Applied(1, IntOffset(0))
    assert projector.numbers == [1]


def test_inside_a_running_event_loop_all_other_projectors_work(
    log: MemoryEventLog, offsets: MemoryOffsetStore
) -> None:
    fill(log, 1)

    async def inside() -> Applied:
        with Runner(log, offsets, Folded()) as runner:
            return runner.apply_since()

    assert asyncio.run(inside()) == Applied(1, IntOffset(0))


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


# --- an offset store that fails ---


class Answers(MemoryOffsetStore):
    """An offset store whose commits go through, and whose answers get lost while a test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.is_lost = self.is_away = False
        self.claims = 0

    def claim(self, *args: Any, **options: Any) -> Claim:
        self.claims += 1
        return super().claim(*args, **options)

    def commit(self, claim: Claim, expected: Offset | None, offset: Offset) -> None:
        if self.is_away:
            raise Transient("away")
        super().commit(claim, expected, offset)
        if self.is_lost and expected is not None:
            raise Transient("the answer was lost")


@pytest.mark.parametrize("way", ["is_lost", "is_away"])
def test_what_is_applied_and_could_not_be_committed_is_committed_by_the_next_call_and_not_applied_again(
    way: str, log: MemoryEventLog
) -> None:
    offsets, folded = Answers(), Folded()
    runner = Runner(log, offsets, folded)
    runner.apply_since()
    fill(log, 1, 2)
    setattr(offsets, way, True)
    with pytest.raises(Transient) as failed:
        runner.apply_since()
    assert failed.value.applied == 0
    setattr(offsets, way, False)
    fill(log, 3)
    assert runner.apply_since() == Applied(3, IntOffset(2))
    assert folded.numbers == [1, 2, 3]
    assert offset_of(offsets) == IntOffset(2)
    assert offsets.claims == 1


def test_unhandled_events_whose_commit_got_lost_do_not_fence_the_runner_that_committed_them(
    log: MemoryEventLog,
) -> None:
    class HandlesNothing(Folded):
        handles: Collection[str] | None = ("Never",)

    offsets = Answers()
    runner = Runner(log, offsets, HandlesNothing())
    runner.apply_since()
    offsets.is_lost = True
    fill(log, 1)
    with pytest.raises(Transient):
        runner.apply_since()
    offsets.is_lost = False
    fill(log, 2)
    given = [log.append("Counted", 3)]
    assert runner.apply_batch(given) == Applied(3, IntOffset(2))


def test_a_first_claim_that_could_not_begin_is_made_again(log: MemoryEventLog) -> None:
    offsets = Answers()
    offsets.is_away = True
    runner = Runner(log, offsets, Folded())
    fill(log, 1)
    with pytest.raises(Transient):
        runner.apply_since()
    offsets.is_away = False
    assert runner.apply_since() == Applied(1, IntOffset(0))
    assert offsets.claims == 2


def test_a_runner_that_was_fenced_applies_nothing_any_more(
    log: MemoryEventLog, offsets: MemoryOffsetStore
) -> None:
    fill(log, 1)
    zombie = Folded()
    first = Runner(log, offsets, zombie)
    first.apply_since()
    Runner(log, offsets, Folded()).apply_since()
    assert first.apply_since() == Applied(0, None)  # nothing to commit, so nothing to notice
    fill(log, 2)
    Runner(log, offsets, Folded()).apply_since()
    for _ in range(2):
        with pytest.raises(Fenced):
            first.apply_since()
    assert zombie.numbers == [1, 2]  # what it did before it heard of it, once


def test_what_no_upcaster_can_bring_stops_behind_what_came_before_it(
    log: MemoryEventLog, offsets: MemoryOffsetStore
) -> None:
    class OnlyCounted(Folded):
        handles: Collection[str] | None = ("Counted",)

    fill(log, 1)
    log.append("Other")
    log.append("Counted", 2, version=3)
    fill(log, 4)
    only = OnlyCounted()
    runner = Runner(log, offsets, only)
    with pytest.raises(NoUpcaster) as unknown:
        runner.apply_since()
    assert (unknown.value.applied, unknown.value.offset) == (2, IntOffset(2))
    assert only.numbers == [1]
    assert offset_of(offsets) == IntOffset(1)
    with pytest.raises(NoUpcaster) as again:
        runner.apply_since()
    assert again.value.applied == 0


# --- a time limit ---


class Hangs(Folded):
    """A projector whose applies wait until a test lets them."""

    def __init__(self, *, from_batch: int = 0) -> None:
        super().__init__()
        self.may_end, self.began, self.ended = Happened(), Happened(), Happened()
        self.from_batch = from_batch
        self.threads: set[int | None] = set()

    def setup(self) -> None:
        self.threads.add(threading.get_ident())

    def apply(self, batch: Batch) -> None:
        self.threads.add(threading.get_ident())
        if len(self.batches) >= self.from_batch:
            self.began.set()
            self.may_end.wait()
        super().apply(batch)
        self.ended.set()


@pytest.fixture
def hangs() -> Iterator[Hangs]:
    hanging = Hangs()
    yield hanging
    hanging.may_end.set()


def test_an_apply_past_its_timeout_raises_commits_nothing_and_ends_the_runner(
    log: MemoryEventLog, offsets: MemoryOffsetStore, hangs: Hangs
) -> None:
    fill(log, 1, 2, 3)
    hangs.from_batch = 1
    runner = Runner(log, offsets, hangs, batch_size=2, timeout=0.05)
    with pytest.raises(TimedOut, match=r"events/0 from 2 to 2 after 0\.05 seconds") as late:
        runner.apply_since()
    assert late.value.applied == 2
    hangs.may_end.set()
    hangs.ended.wait()
    for call in (runner.apply_since, lambda: runner.apply_batch([])):
        with pytest.raises(TimedOut, match="make a new Runner"):
            call()
    runner.close()
    with pytest.raises(Closed):
        runner.apply_since()
    assert offset_of(offsets) == IntOffset(1)
    assert Runner(log, offsets, Folded()).apply_since() == Applied(1, IntOffset(2))


def test_closing_does_not_wait_for_an_apply_that_hangs(
    log: MemoryEventLog, offsets: MemoryOffsetStore, hangs: Hangs
) -> None:
    fill(log, 1)
    with Runner(log, offsets, hangs, timeout=0.05) as runner, pytest.raises(TimedOut):
        runner.apply_since()
    assert not hangs.ended.is_set()


def test_an_interrupt_ends_the_waiting_and_not_the_apply_so_the_runner_ends_too(
    log: MemoryEventLog, offsets: MemoryOffsetStore, hangs: Hangs
) -> None:
    fill(log, 1)
    runner = Runner(log, offsets, hangs, timeout=60)
    arrived = Happened()

    def interrupted(*_: object) -> None:
        if not arrived.is_set():
            arrived.set()
            raise KeyboardInterrupt

    def interrupt() -> None:
        hangs.began.wait()
        while not arrived.wait(
            0.01
        ):  # one that comes right before the waiting is not noticed in it
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, interrupted)
    interrupting = threading.Thread(target=interrupt)
    interrupting.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            runner.apply_since()
        interrupting.join()
    finally:
        signal.signal(signal.SIGUSR1, before)
    with pytest.raises(TimedOut, match="may still be running"):
        runner.apply_since()
    assert offset_of(offsets) == IntOffset(-1)


def test_within_its_timeout_an_apply_runs_on_one_thread_with_setup_and_its_errors_come_through(
    log: MemoryEventLog, offsets: MemoryOffsetStore
) -> None:
    fill(log, 1, 2, 3)
    quick = Hangs(from_batch=99)
    quick.raises = [Transient("down"), RuntimeError("broken"), TimeoutError("its own")]
    with Runner(log, offsets, quick, batch_size=1, timeout=60) as runner:
        with pytest.raises(Transient, match="down"):
            runner.apply_since()
        for own in ("RuntimeError", "TimeoutError"):
            with pytest.raises(ApplyFailed, match=own):
                runner.apply_since()
        assert runner.apply_since() == Applied(3, IntOffset(2))
    assert quick.numbers == [1, 2, 3]
    assert len(quick.threads) == 1
    assert quick.threads.isdisjoint({thread.ident for thread in threading.enumerate()})


def test_a_projector_that_leaves_by_an_exit_takes_the_caller_with_it(
    log: MemoryEventLog, offsets: MemoryOffsetStore
) -> None:
    class Leaves(Folded):
        def apply(self, batch: Batch) -> None:
            sys.exit(3)

    fill(log, 1)
    with Runner(log, offsets, Leaves(), timeout=60) as runner, pytest.raises(SystemExit):
        runner.apply_since()


@pytest.mark.parametrize("timeout", [None, 60.0])
def test_every_coroutine_of_a_projector_runs_on_one_loop_on_the_thread_that_applies(
    timeout: float | None, log: MemoryEventLog, offsets: MemoryOffsetStore
) -> None:
    class Connected:
        name = "folded"
        handles = None

        def __init__(self) -> None:
            self.seen: set[tuple[int, asyncio.AbstractEventLoop]] = set()

        async def setup(self) -> None:
            self._note()

        async def apply(self, batch: Batch) -> None:
            await asyncio.sleep(0)
            self._note()

        def _note(self) -> None:
            self.seen.add((threading.get_ident(), asyncio.get_running_loop()))

    fill(log, 1, 2)
    connected = Connected()
    with Runner(log, offsets, connected, batch_size=1, timeout=timeout) as runner:
        assert runner.apply_since() == Applied(2, IntOffset(1))
    [(thread, loop)] = connected.seen
    assert (thread == threading.get_ident()) == (timeout is None)
    assert loop.is_closed()


@pytest.mark.parametrize("timeout", [0, -1, math.nan, math.inf])
def test_a_timeout_that_is_none_is_refused(
    timeout: float, log: MemoryEventLog, offsets: MemoryOffsetStore
) -> None:
    with pytest.raises(Misconfigured, match="timeout of"):
        Runner(log, offsets, Folded(), timeout=timeout)


# --- cancelling and closing ---


def test_a_call_that_is_cancelled_stops_before_its_next_batch_and_keeps_what_is_committed(
    log: MemoryEventLog, offsets: MemoryOffsetStore
) -> None:
    fill(log, *range(6))
    hangs = Hangs(from_batch=1)
    runner = Runner(log, offsets, hangs, batch_size=2)

    def cancel() -> None:
        hangs.began.wait()
        runner.cancel()
        hangs.may_end.set()

    threading.Thread(target=cancel).start()
    with pytest.raises(Cancelled) as cancelled:
        runner.apply_since()
    assert cancelled.value.applied == 4
    assert offset_of(offsets) == IntOffset(3)


def test_a_cancelled_runner_stays_so_and_touches_nothing(
    log: MemoryEventLog, offsets: MemoryOffsetStore
) -> None:
    fill(log, 1)
    runner = Runner(log, offsets, Folded())
    runner.cancel()
    for call in (runner.apply_since, lambda: runner.apply_batch([]), runner.apply_since):
        with pytest.raises(Cancelled, match="a new one goes on from the checkpoint"):
            call()
    assert offset_of(offsets) is None


def test_a_given_batch_that_is_cancelled_stops_between_its_parts(
    log: MemoryEventLog, offsets: MemoryOffsetStore
) -> None:
    class Cancels(Folded):
        def apply(self, batch: Batch) -> None:
            super().apply(batch)
            runner.cancel()

    given = [log.append("Counted", n) for n in (1, 2)]
    runner = Runner(MemoryEventLog(), offsets, Cancels(), batch_size=1)
    with pytest.raises(Cancelled) as cancelled:
        runner.apply_batch(given)
    assert cancelled.value.applied == 1
    assert offset_of(offsets) == IntOffset(0)


def test_a_call_that_is_cancelled_reads_no_further(offsets: MemoryOffsetStore) -> None:
    class Read(MemoryEventLog):
        reads = 0

        def read(self, partition: Partition, after: Offset | None, limit: int) -> Sequence[Event]:
            self.reads += 1
            return super().read(partition, after, limit)

    class Ends(Folded):
        def apply(self, batch: Batch) -> None:
            super().apply(batch)
            runner.cancel()

    log = Read()
    fill(log, 1)
    runner = Runner(log, offsets, Ends())
    with pytest.raises(Cancelled):
        runner.apply_since()
    assert log.reads == 1


def test_a_batch_that_is_applied_to_its_end_was_not_cancelled(
    log: MemoryEventLog, offsets: MemoryOffsetStore
) -> None:
    class Cancels(Folded):
        def apply(self, batch: Batch) -> None:
            super().apply(batch)
            runner.cancel()

    given = [log.append("Counted", 1)]
    other = MemoryEventLog()
    runner = Runner(other, offsets, Cancels())
    assert runner.apply_batch(given) == Applied(1, IntOffset(0))


def test_a_signal_handler_may_cancel(log: MemoryEventLog, offsets: MemoryOffsetStore) -> None:
    class Signalled(Folded):
        def apply(self, batch: Batch) -> None:
            super().apply(batch)
            signal.raise_signal(signal.SIGUSR1)

    fill(log, 1, 2)
    runner = Runner(log, offsets, Signalled(), batch_size=1)
    before = signal.signal(signal.SIGUSR1, lambda *_: runner.cancel())
    try:
        with pytest.raises(Cancelled) as cancelled:
            runner.apply_since()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert cancelled.value.applied == 1


def test_a_closed_runner_says_so_and_gave_its_partition_back(
    log: MemoryEventLog, offsets: MemoryOffsetStore
) -> None:
    fill(log, 1)
    with Runner(log, offsets, Folded()) as runner:
        runner.apply_since()
        held = offsets.get("folded", EVENTS)
        assert held is not None
        assert held.owner != ""
    runner.close()
    released = offsets.get("folded", EVENTS)
    assert released is not None
    assert (released.owner, released.offset) == ("", IntOffset(0))
    with pytest.raises(Closed, match="make a new Runner"):
        runner.apply_since()


def test_a_runner_that_was_never_used_closes_too(
    log: MemoryEventLog, offsets: MemoryOffsetStore
) -> None:
    Runner(log, offsets, Folded(), timeout=60).close()
    assert offset_of(offsets) is None


def test_closing_after_the_offset_store_was_closed_is_no_error(
    log: MemoryEventLog, offsets: MemoryOffsetStore
) -> None:
    runner = Runner(log, offsets, Folded())
    runner.apply_since()
    offsets.close()
    runner.close()


# --- what is told of a call ---


class Counted:
    """Metrics that remember."""

    def __init__(self) -> None:
        self.started: list[tuple[str, str]] = []
        self.operations: list[tuple[str, str, bool, int]] = []
        self.errors: list[tuple[str, str, str]] = []
        self.seconds: list[float] = []

    def start_projection(self, projection: str, operation: str) -> None:
        self.started.append((projection, operation))

    def record_projection_operation(
        self, projection: str, operation: str, duration: float, success: bool, events_processed: int
    ) -> None:
        self.seconds.append(duration)
        self.operations.append((projection, operation, success, events_processed))

    def record_projection_error(self, projection: str, operation: str, error_type: str) -> None:
        self.errors.append((projection, operation, error_type))


SECRET = "4111-1111-1111-1111"


def test_a_logger_gets_a_line_for_each_call_and_each_error_without_payloads(
    log: MemoryEventLog, offsets: MemoryOffsetStore, caplog: pytest.LogCaptureFixture
) -> None:
    class Quotes(Folded):
        def apply(self, batch: Batch) -> None:
            if self.batches:
                raise RuntimeError(f"cannot take {batch.events[0].decode(str)}")
            super().apply(batch)

    log.append("Counted", SECRET)
    log.append("Counted", SECRET)
    runner = Runner(log, offsets, Quotes(), batch_size=1, logger=logging.getLogger("mine"))
    with caplog.at_level(logging.INFO), pytest.raises(ApplyFailed):
        runner.apply_since()
    with caplog.at_level(logging.INFO):
        runner.apply_batch([])
        runner.cancel()
        with pytest.raises(Cancelled):
            runner.apply_since()
    failed, empty, cancelled = caplog.records
    assert [record.name for record in caplog.records] == ["mine"] * 3
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO", "INFO"]
    assert failed.getMessage().startswith(
        "apply_since of folded in events/0: 1 applied, last 0, 0.0"
    )
    assert (
        "; apply_error: ApplyFailed: events/0 at offset 1: folded raised RuntimeError"
        in failed.getMessage()
    )
    assert empty.getMessage().startswith("apply_batch of folded in events/0: 0 applied, last None")
    assert "context_error: Cancelled" in cancelled.getMessage()
    assert SECRET not in caplog.text


def test_without_a_logger_there_are_no_lines(
    log: MemoryEventLog, offsets: MemoryOffsetStore, caplog: pytest.LogCaptureFixture
) -> None:
    fill(log, 1)
    with caplog.at_level(logging.DEBUG), pytest.raises(Transient):
        Runner(log, offsets, Folded(Transient("down"))).apply_since()
    assert caplog.records == []


def test_metrics_get_each_call_once_and_each_error_once(
    log: MemoryEventLog, offsets: MemoryOffsetStore
) -> None:
    counted = Counted()
    events = [log.append("Counted", n) for n in (1, 2, 3)]
    runner = Runner(log, offsets, Folded(), batch_size=2, metrics=counted)
    runner.apply_since()
    runner.apply_batch(events)
    with pytest.raises(ValueError):
        runner.apply_batch(events[::-1])
    assert counted.operations == [
        ("folded", "apply_since", True, 3),
        ("folded", "apply_batch", True, 0),
        ("folded", "apply_batch", False, 0),
    ]
    assert counted.errors == [("folded", "apply_batch", "load_error")]
    assert all(0 <= seconds < 60 for seconds in counted.seconds)


def test_a_runner_that_counts_lets_its_operations_exist_before_the_first_call(
    log: MemoryEventLog, offsets: MemoryOffsetStore
) -> None:
    counted = Counted()
    Runner(log, offsets, Folded(), metrics=counted)
    assert counted.started == [("folded", "apply_since"), ("folded", "apply_batch")]


def test_metrics_count_the_events_that_the_projector_was_given(
    log: MemoryEventLog, offsets: MemoryOffsetStore
) -> None:
    counted = Counted()
    folded = Folded()
    folded.handles = {"Counted"}
    runner = Runner(log, offsets, folded, batch_size=3, metrics=counted)
    for number in range(10):
        log.append("Other" if number % 2 else "Counted", number)
    assert runner.apply_since().count == 10
    assert runner.apply_batch([log.append("Other", 1)]).count == 1
    assert [events for _, _, _, events in counted.operations] == [5, 0]


@pytest.mark.parametrize("way", ["is_lost", "is_away"])
def test_events_whose_commit_failed_are_counted_by_the_call_that_commits_them(
    way: str, log: MemoryEventLog
) -> None:
    offsets, counted = Answers(), Counted()
    fill(log, 1, 2)
    runner = Runner(log, offsets, Folded(), metrics=counted)
    runner.apply_batch([])
    setattr(offsets, way, False)
    runner.apply_since()
    fill(log, 3)
    setattr(offsets, way, True)
    with pytest.raises(Transient):
        runner.apply_since()
    setattr(offsets, way, False)
    runner.apply_since()
    assert [events for _, _, _, events in counted.operations] == [0, 2, 0, 1]


def test_a_call_that_a_finished_runner_refuses_is_no_operation_of_the_projection(
    log: MemoryEventLog, offsets: MemoryOffsetStore
) -> None:
    counted = Counted()
    runner = Runner(log, offsets, Folded(), metrics=counted)
    runner.close()
    with pytest.raises(Closed):
        runner.apply_since()
    assert (counted.operations, counted.errors) == ([], [])
