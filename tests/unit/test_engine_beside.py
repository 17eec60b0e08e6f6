"""What runs beside the loop: the limit of an apply, the sign of life, the lag."""

from __future__ import annotations

import threading
from collections.abc import Collection
from contextlib import suppress

from consumer.adapters.memory.event_log import MemoryEventLog
from consumer.engine.attending import Attending
from consumer.engine.limiting import Limit
from consumer.engine.measuring import Measuring
from consumer.errors import Transient
from consumer.model.event import Batch
from consumer.model.facts import Lagged, Unmeasured
from consumer.model.position import Fence, IntOffset, Partition
from tests.doubles import Recorder
from tests.fleet import eventually

P0 = Partition("events", 0)
BATCH = Batch(P0, [], Fence("folded", P0, 1, IntOffset(3), IntOffset(9)))


class TestAnApplyThatTakesTooLong:
    def test_its_batch_is_told_while_it_still_runs(self) -> None:
        told: list[Batch] = []
        exceeded = threading.Event()
        limit = Limit(0.1, lambda batch: (told.append(batch), exceeded.set())[0])
        with limit.watching(BATCH):
            assert exceeded.wait(10)
        assert told == [BATCH]

    def test_one_in_time_is_never_told_of_however_many_there_are(self) -> None:
        told: list[Batch] = []
        limit = Limit(1.0, told.append)
        until = threading.Event()
        for _ in range(4):  # together they take longer than one may
            with limit.watching(BATCH):
                until.wait(0.3)
        limit.close()
        assert told == []

    def test_one_that_raises_is_watched_no_longer(self) -> None:
        told: list[Batch] = []
        limit = Limit(0.1, told.append)
        with suppress(ValueError), limit.watching(BATCH):
            int("no number")
        threading.Event().wait(0.25)
        limit.close()
        assert told == []


class Register:
    """A presence that remembers, and fails when a test says so."""

    def __init__(self) -> None:
        self.extended = 0
        self.left: list[str] = []
        self.fails = False

    def extend(self, owner: str, seconds: float) -> None:
        if self.fails:
            raise Transient("Redis is away")
        self.extended += 1

    def leave(self, owner: str) -> None:
        if self.fails:
            raise Transient("Redis is away")
        self.left.append(owner)

    def present(self, owners: Collection[str]) -> frozenset[str]:
        raise AssertionError("a worker does not ask")

    def close(self) -> None:
        raise AssertionError("it is its maker's")


class TestASignOfLife:
    def test_it_is_given_at_once_and_again_until_the_worker_leaves(self) -> None:
        register = Register()
        with Attending(register, "me", lease_seconds=0.03):
            assert register.extended == 1
            eventually(lambda: register.extended > 3, "further signs of life")
            assert register.left == []
        assert register.left == ["me"]

    def test_a_store_that_is_away_is_told_of_and_asked_again(self) -> None:
        register = Register()
        register.fails = True
        with Attending(register, "me", lease_seconds=0.03) as attending:
            assert "Redis is away" in str(attending.trouble)
            register.fails = False
            eventually(lambda: attending.trouble is None, "trouble that is over")
            register.fails = True
            eventually(lambda: attending.trouble, "trouble that began")
        assert register.left == []


class FailingLog(MemoryEventLog):
    """A log that tells no lag."""

    def lag(self, offsets: object) -> object:  # type: ignore[override]
        raise Transient("no broker answers")


class TestTheLag:
    def test_it_is_that_of_the_partitions_held_now(self) -> None:
        log, recorder = MemoryEventLog(), Recorder()
        for n in range(5):
            log.append("Counted", n)
        held = {P0: IntOffset(1)}
        with Measuring(log, lambda: held, every=0.01, observer=recorder):
            eventually(lambda: recorder.of(Lagged), "a lag")
            assert recorder.facts[0].lags[P0].events == 3
            held[P0] = IntOffset(4)
            eventually(lambda: recorder.facts[-1].lags[P0].events == 0, "no lag")
            held.clear()
            eventually(lambda: recorder.facts[-1].lags == {}, "nothing held")

    def test_a_broker_that_does_not_answer_is_told_of_and_asked_again(self) -> None:
        recorder = Recorder()
        with Measuring(FailingLog(), lambda: {P0: IntOffset(1)}, every=0.01, observer=recorder):
            eventually(lambda: len(recorder.of(Unmeasured)) > 1, "two tries")
