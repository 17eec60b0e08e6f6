"""The small parts of the engine, each on its own."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

import pytest

from consumer.adapters.memory.event_log import MemoryEventLog
from consumer.adapters.memory.offset_store import MemoryOffsetStore
from consumer.adapters.memory.presence import MemoryPresence
from consumer.engine.awaiting import Loop
from consumer.engine.caught_up import CaughtUp
from consumer.engine.elsewhere import Elsewhere
from consumer.engine.retrying import Backoff
from consumer.engine.upcasting import Upcasting, upcaster
from consumer.errors import Misconfigured, NoUpcaster, Transient, Undecodable
from consumer.model.condition import Condition
from consumer.model.event import Event
from consumer.model.position import (
    Checkpoint,
    Claim,
    IntOffset,
    LogIdentity,
    Offset,
    Partition,
    StreamOffset,
)
from tests.doubles import Folded

P0, P1 = Partition("t", 0), Partition("t", 1)
#: No other worker is asked about.
NOBODY = Elsewhere(MemoryPresence(), owner="me", joined=lambda: False)


def test_waits_double_up_to_the_cap_and_vary_by_chance() -> None:
    backoff = Backoff(initial=1.0, cap=8.0)
    for attempt, full in [(1, 1), (2, 2), (4, 8), (5, 8), (10_000, 8)]:
        delays = [backoff.delay(attempt) for _ in range(50)]
        assert all(full / 2 <= delay <= full for delay in delays)
        assert len(set(delays)) > 1


def event(type: str, version: int, data: object = "x") -> Event:
    log = MemoryEventLog()
    return log.append(type, data, version=version)


def plus(type: str, version: int) -> Any:
    return upcaster(type, version)(lambda data: f"{data}{version}")


def test_a_chain_of_upcasters_leads_to_the_newest_version() -> None:
    chain = Upcasting([plus("A", 2), plus("A", 1)], ["A"])
    upcast = chain.upcast(event("A", 1))
    assert (upcast.version, upcast.decode(str)) == (3, "x12")
    assert chain.upcast(event("A", 3)).decode(str) == "x"


def test_a_projector_may_declare_the_version_it_understands() -> None:
    declared = Upcasting([], {"A": 4})
    assert declared.upcast(event("A", 4)).version == 4
    with pytest.raises(NoUpcaster, match="from version 3 to 4"):
        declared.upcast(event("A", 3))


def test_a_version_above_the_newest_is_refused() -> None:
    with pytest.raises(NoUpcaster, match="deploy the projector that knows it"):
        Upcasting([plus("A", 1)], ["A"]).upcast(event("A", 3))


def test_a_projector_that_takes_all_types_takes_every_version_of_those_without_a_chain() -> None:
    assert Upcasting([plus("A", 1)], None).upcast(event("B", 7)).version == 7
    assert Upcasting([plus("A", 1)], None).upcast(event("A", 1)).version == 2


def test_a_tombstone_is_the_same_in_every_version() -> None:
    tombstone = event("A", 1, None)
    assert tombstone.is_tombstone
    upcast = Upcasting([plus("A", 1)], ["A"]).upcast(tombstone)
    assert upcast.is_tombstone
    assert upcast.version == 2


def test_an_upcaster_that_cannot_cope_makes_the_event_undecodable() -> None:
    chain = Upcasting([upcaster("A", 1)(lambda data: data["missing"])], ["A"])
    with pytest.raises(Undecodable, match="upcaster from version 1 raised KeyError"):
        chain.upcast(event("A", 1, {}))


def test_all_that_is_wrong_with_the_chains_is_said_at_once() -> None:
    with pytest.raises(Misconfigured) as wrong:
        Upcasting([plus("A", 1), plus("A", 3), plus("B", 1), plus("B", 1), plus("C", 1)], {"C": 5})
    assert "no upcaster takes A from version 2" in str(wrong.value)
    assert "two upcasters take B from version 1" in str(wrong.value)
    assert "the upcasters of C end at version 2, the projector handles version 5" in str(
        wrong.value
    )


def test_what_is_a_coroutine_is_waited_for_on_one_loop_and_its_errors_come_through() -> None:
    loops = set()

    async def counted(fails: bool = False) -> None:
        await asyncio.sleep(0)
        loops.add(asyncio.get_running_loop())
        if fails:
            raise Transient("down")

    loop = Loop()
    loop.wait(None)
    loop.wait("no coroutine")
    loop.wait(counted())
    with pytest.raises(Transient):
        loop.wait(counted(fails=True))
    assert len(loops) == 1
    loop.close()
    loop.close()


def test_a_cancelled_coroutine_is_a_failure_like_any_other() -> None:
    async def cancelled() -> None:
        raise asyncio.CancelledError

    loop = Loop()
    with pytest.raises(RuntimeError, match="cancelled"):
        loop.wait(cancelled())
    loop.close()


@pytest.mark.parametrize(
    ("handles", "expected"),
    [
        ("OrderPlaced", "make it a set"),
        (7, "make it a set"),
        ((Folded,), "name the types of event as text"),
        ({"A": "3"}, "a schema version is 1 or more"),
        ({"A": 0}, "a schema version is 1 or more"),
    ],
)
def test_handles_that_are_no_types_of_event_are_refused(handles: Any, expected: str) -> None:
    with pytest.raises(Misconfigured, match=expected):
        Upcasting([], handles)


class Log(MemoryEventLog):
    """A log of two partitions that ends where a test says."""

    def __init__(self, ends: dict[Partition, Offset], id: str = "log") -> None:
        super().__init__("t")
        self._ends = ends
        self._identity = LogIdentity(id, len(ends))

    def partitions(self) -> list[Partition]:
        return list(self._ends)

    def ends(self) -> dict[Partition, Offset]:
        return self._ends


def claimed(
    offsets: MemoryOffsetStore, partition: Partition, offset: Offset, log: str = "log"
) -> None:
    claim = offsets.claim("p", partition, owner="me", log=LogIdentity(log, 2))
    offsets.commit(claim, claim.offset, offset)


@pytest.fixture
def look_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consumer.engine.caught_up._BETWEEN_LOOKS", 0.0)


@pytest.mark.usefixtures("look_always")
def test_caught_up_means_the_ends_that_the_log_had_whoever_reached_them() -> None:
    offsets = MemoryOffsetStore()
    log = Log({P0: IntOffset(5), P1: IntOffset(9), Partition("t", 2): IntOffset(-1)})
    caught_up = CaughtUp("p", offsets, log, halted=set, elsewhere=NOBODY)
    assert not caught_up()
    claimed(offsets, P0, IntOffset(6))
    claimed(offsets, P1, IntOffset(8))
    assert not caught_up()
    claimed(offsets, P1, IntOffset(9))
    assert caught_up()


@pytest.mark.usefixtures("look_always")
@pytest.mark.parametrize(
    ("offset", "log"),
    [(IntOffset(6), "log"), (IntOffset(5), "another"), (StreamOffset(9, 9), "log")],
    ids=["beyond the end", "of another log", "of another kind of log"],
)
@pytest.mark.parametrize("end", [5, -1])
def test_a_checkpoint_that_does_not_lie_in_the_log_has_reached_nothing_until_it_halts(
    offset: Offset, log: str, end: int
) -> None:
    offsets = MemoryOffsetStore()
    claimed(offsets, P0, offset, log)
    halted: set[Partition] = set()
    caught_up = CaughtUp(
        "p", offsets, Log({P0: IntOffset(end)}), halted=lambda: halted, elsewhere=NOBODY
    )
    assert not caught_up()
    halted.add(P0)
    assert caught_up()


@pytest.mark.usefixtures("look_always")
def test_a_checkpoint_that_moved_past_the_end_while_we_looked_on_has_reached_it() -> None:
    offsets = MemoryOffsetStore()
    claimed(offsets, P0, IntOffset(3))
    caught_up = CaughtUp("p", offsets, Log({P0: IntOffset(5)}), halted=set, elsewhere=NOBODY)
    claimed(offsets, P0, IntOffset(8))
    assert caught_up()


@pytest.mark.usefixtures("look_always")
def test_an_offset_store_out_of_reach_is_not_caught_up() -> None:
    class Away(MemoryOffsetStore):
        away = False

        def get(self, projection: str, partition: Partition) -> Checkpoint | None:
            if self.away:
                raise Transient("away")
            return super().get(projection, partition)

    offsets = Away()
    caught_up = CaughtUp("p", offsets, Log({P0: IntOffset(5)}), halted=set, elsewhere=NOBODY)
    offsets.away = True
    assert not caught_up()


class Fleet:
    """Another worker and this one, P0 halted in the other's hands, seen by a clock that a test turns."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr("time.monotonic", lambda: self.now)
        monkeypatch.setattr("consumer.engine.caught_up._BETWEEN_LOOKS", 0.0)
        self.joined = True
        self.offsets, self.presence = MemoryOffsetStore(), MemoryPresence()
        self.presence.extend("other", 10)
        self.claim = self.halt("other")
        self.caught_up = CaughtUp(
            "p",
            self.offsets,
            Log({P0: IntOffset(5)}),
            halted=set,
            elsewhere=Elsewhere(self.presence, owner="me", joined=lambda: self.joined),
        )

    def halt(self, owner: str) -> Claim:
        claim = self.offsets.claim("p", P0, owner=owner, log=LogIdentity("log", 2))
        self.offsets.commit(claim, claim.offset, IntOffset(3))
        self.offsets.note(claim, Condition("halted", "the log was trimmed"))
        return claim

    def is_done_in(self, seconds: float) -> bool:
        """Looked at now, and once more after these seconds, during which the other is at work."""
        before = self.caught_up()
        self.now += seconds
        self.presence.extend("other", 10)
        return self.caught_up() and not before


@pytest.fixture
def fleet(monkeypatch: pytest.MonkeyPatch) -> Fleet:
    return Fleet(monkeypatch)


def test_what_stands_halted_in_another_worker_that_lives_is_finished_and_told(
    fleet: Fleet,
) -> None:
    assert fleet.is_done_in(16)
    assert fleet.caught_up.halted_elsewhere == {P0: "the log was trimmed"}


def test_a_halt_elsewhere_counts_only_after_longer_than_a_lease(fleet: Fleet) -> None:
    assert not fleet.is_done_in(10)
    assert fleet.caught_up.halted_elsewhere == {}
    assert fleet.is_done_in(6)


def test_a_halt_of_a_worker_that_is_dead_or_died_since_ends_nothing(fleet: Fleet) -> None:
    assert not fleet.is_done_in(10)
    fleet.presence.leave("other")
    fleet.now += 30
    assert not fleet.caught_up()
    assert not fleet.is_done_in(10)  # the same name again: seen anew from here


def test_a_halt_that_was_given_back_claimed_anew_or_is_our_own_ends_nothing(fleet: Fleet) -> None:
    assert not fleet.is_done_in(10)
    fleet.halt("other")  # again, under a new claim
    assert not fleet.is_done_in(10)
    fleet.offsets.release(fleet.halt("other"))
    assert not fleet.is_done_in(60)
    fleet.presence.extend("me", 1000)
    fleet.halt("me")
    assert not fleet.is_done_in(60)


def test_before_we_joined_a_halt_elsewhere_may_become_ours_and_ends_nothing(fleet: Fleet) -> None:
    fleet.joined = False
    assert not fleet.is_done_in(60)
    fleet.joined = True
    assert not fleet.is_done_in(10)
    assert fleet.is_done_in(6)


def test_a_partition_that_waits_or_runs_elsewhere_is_waited_for(fleet: Fleet) -> None:
    fleet.offsets.note(fleet.claim, Condition("waiting", "the table is gone"))
    assert not fleet.is_done_in(60)
    fleet.offsets.commit(fleet.claim, IntOffset(3), IntOffset(4))
    assert not fleet.is_done_in(60)


def test_a_halted_partition_that_came_to_us_since_the_last_look_ends_nothing(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fleet.is_done_in(16)
    monkeypatch.setattr("consumer.engine.caught_up._BETWEEN_LOOKS", 100.0)
    assert fleet.caught_up()
    fleet.offsets.claim("p", P0, owner="me", log=LogIdentity("log", 2))
    assert not fleet.caught_up()
    assert fleet.caught_up.halted_elsewhere == {}


def test_while_nobody_can_be_asked_who_lives_nothing_ends(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(owners: Collection[str]) -> frozenset[str]:
        raise Transient("away")

    assert fleet.is_done_in(16)
    monkeypatch.setattr(fleet.presence, "present", away)
    assert not fleet.caught_up()
