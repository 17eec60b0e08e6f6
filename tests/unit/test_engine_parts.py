"""The small parts of the engine, each on its own."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from consumer.adapters.memory.event_log import MemoryEventLog
from consumer.adapters.memory.offset_store import MemoryOffsetStore
from consumer.engine.blocking import Blocking
from consumer.engine.caught_up import CaughtUp
from consumer.engine.retrying import Backoff
from consumer.engine.upcasting import Upcasting, upcaster
from consumer.errors import Misconfigured, NoUpcaster, Transient, Undecodable
from consumer.model.event import Batch, Event
from consumer.model.position import (
    Checkpoint,
    Fence,
    IntOffset,
    LogIdentity,
    Partition,
)

P0, P1 = Partition("t", 0), Partition("t", 1)


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


def test_a_coroutine_projector_is_waited_for_and_its_errors_come_through() -> None:
    class Counts:
        name = "counts"
        handles = ("A",)
        seen = 0
        closed = False

        def setup(self) -> None:
            self.seen = 10

        def close(self) -> None:
            self.closed = True

        async def apply(self, batch: Batch) -> None:
            await asyncio.sleep(0)
            self.seen += len(batch)
            if self.seen > 11:
                raise Transient("down")

    counts = Counts()
    blocking = Blocking(counts)
    one = event("A", 1)
    batch = Batch(P0, [one], Fence("counts", P0, 1, IntOffset(-1), IntOffset(0)))
    blocking.setup()
    blocking.apply(batch)
    with pytest.raises(Transient):
        blocking.apply(batch)
    assert (blocking.name, blocking.handles, counts.seen) == ("counts", ("A",), 12)
    blocking.close()
    blocking.close()
    assert counts.closed


def claimed(offsets: MemoryOffsetStore, partition: Partition, offset: int) -> None:
    claim = offsets.claim("p", partition, owner="me", log=LogIdentity("log", 2))
    offsets.commit(claim, claim.offset, IntOffset(offset))


def test_caught_up_means_the_ends_that_the_log_had_whoever_reached_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("consumer.engine.caught_up._BETWEEN_LOOKS", 0.0)
    offsets = MemoryOffsetStore()
    halted: set[Partition] = set()
    ends = {P0: IntOffset(5), P1: IntOffset(9), Partition("t", 2): IntOffset(-1)}
    caught_up = CaughtUp("p", offsets, ends, halted=lambda: halted)
    assert not caught_up()
    claimed(offsets, P0, 6)
    claimed(offsets, P1, 8)
    assert not caught_up()
    claimed(offsets, P1, 9)
    assert caught_up()


def test_a_halted_partition_is_not_waited_for() -> None:
    caught_up = CaughtUp("p", MemoryOffsetStore(), {P0: IntOffset(5)}, halted=lambda: {P0})
    assert caught_up()


def test_an_offset_store_out_of_reach_is_not_caught_up() -> None:
    class Away(MemoryOffsetStore):
        def get(self, projection: str, partition: Partition) -> Checkpoint | None:
            raise Transient("away")

    assert not CaughtUp("p", Away(), {P0: IntOffset(5)}, halted=set)()
