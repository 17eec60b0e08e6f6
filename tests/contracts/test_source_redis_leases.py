"""Who owns which stream, on real servers: shares, handovers, the dead, and those who wake again."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from consumer.adapters.redis.connection import connect
from consumer.adapters.redis.stream_source import RedisStreamSource
from consumer.model.position import Offset, Partition
from tests.contracts.redis_room import LEASE, Member, Recording, Streams, eventually, poll_all

STREAMS = 8


@pytest.fixture(params=["valkey", "redis_62"])
def url(request: pytest.FixtureRequest) -> str:
    found: str = request.getfixturevalue(request.param).url
    return found


@pytest.fixture
def streams(url: str) -> Iterator[Streams]:
    client = connect(url)
    yield Streams(client, STREAMS)
    client.close()


Join = Callable[[], Member]


@pytest.fixture
def join(url: str, streams: Streams) -> Iterator[Join]:
    members: list[Member] = []
    checkpoints: dict[Partition, Offset] = {}

    def joined() -> Member:
        source = RedisStreamSource(
            connect(url),
            topics=[streams.topic],
            streams=streams.count,
            projection="customers",
            owner="worker",
            prefix="test",
            lease_seconds=LEASE,
        )
        member = Member(source, Recording(checkpoints))
        members.append(member)
        source.open(member.membership)
        return member

    yield joined
    for member in members:
        member.close()


def counts(streams: Streams, *members: Member) -> list[int]:
    """How many streams each owns; nobody else owns one of them."""
    owned = [member.owned(streams) for member in members]
    assert sum(map(len, owned)) == len(set().union(*owned)), "two own one stream"
    return [len(each) for each in owned]


def settled(streams: Streams, *members: Member) -> Callable[[], bool]:
    def is_settled() -> bool:
        found = counts(streams, *members)
        return sum(found) == streams.count and max(found) - min(found) <= 1

    return is_settled


def settle(streams: Streams, *members: Member) -> float:
    """Seconds until all streams are owned, in fair shares, and claimed."""
    began = time.monotonic()
    poll_all(members, settled(streams, *members), "fair shares")
    took = time.monotonic() - began
    poll_all(members, lambda: all(m.claimed() == m.owned(streams) for m in members), "claims")
    return took


def test_one_worker_owns_all(streams: Streams, join: Join) -> None:
    settle(streams, join())


def test_who_comes_back_after_a_kill_says_once_what_it_waits_for(
    streams: Streams, join: Join, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "consumer.adapters.redis.ownership")
    killed = join()
    settle(streams, killed)
    assert caplog.messages == [], "it waits for nobody"
    killed.die()
    settle(streams, join())
    (told,) = caplog.messages
    assert told == (
        f"waiting for the leases of customers on {streams.topic}, which other workers have: "
        "up to 1 s for those of the dead"
    )


def test_a_new_worker_has_its_share_within_two_lease_periods(streams: Streams, join: Join) -> None:
    fleet = [join()]
    settle(streams, *fleet)
    for _ in range(3):
        fleet.append(join())
        assert settle(streams, *fleet) < 2 * LEASE
    assert counts(streams, *fleet) == [2, 2, 2, 2]


def test_more_workers_than_streams_leave_some_idle(streams: Streams, join: Join) -> None:
    fleet = [join() for _ in range(STREAMS + 2)]
    settle(streams, *fleet)
    assert sorted(counts(streams, *fleet)) == [0, 0, *[1] * STREAMS]


def test_what_moves_is_given_back_before_it_is_claimed(streams: Streams, join: Join) -> None:
    first = join()
    settle(streams, first)
    second = join()
    settle(streams, first, second)
    moved = {partition.number for partition in first.membership.heard("revoked")}
    assert moved == second.claimed()
    assert len(moved) == STREAMS // 2
    assert first.membership.heard("lost") == []


def test_a_share_that_is_fair_does_not_move(streams: Streams, join: Join) -> None:
    fleet = [join(), join(), join()]
    settle(streams, *fleet)
    before = [member.owned(streams) for member in fleet]
    until = time.monotonic() + 2 * LEASE
    poll_all(fleet, lambda: time.monotonic() > until, "time passes")
    assert [member.owned(streams) for member in fleet] == before


def test_what_a_leaving_worker_owned_moves_at_once(streams: Streams, join: Join) -> None:
    stays, leaves = join(), join()
    settle(streams, stays, leaves)
    leaves.close()
    assert settle(streams, stays) < LEASE / 2
    assert len(leaves.membership.heard("revoked")) == STREAMS // 2


def test_what_a_dead_worker_owned_moves_after_its_lease_and_not_before(
    streams: Streams, join: Join
) -> None:
    lives, dies = join(), join()
    settle(streams, lives, dies)
    dies.die()
    # `counts` in `settle` asserts all the while that what the dead one may still apply did not move.
    poll_all([lives], lambda: counts(streams, lives, dies)[0] == STREAMS, "all moved")
    assert dies.owned(streams) == set()


def test_a_slow_apply_keeps_its_streams(streams: Streams, join: Join) -> None:
    slow, other = join(), join()
    settle(streams, slow, other)
    before = slow.owned(streams)
    until = time.monotonic() + 3 * LEASE
    poll_all([other], lambda: time.monotonic() > until, "time passes")
    assert slow.owned(streams) == before
    slow.poll()
    assert slow.membership.heard("lost") == []


def test_who_slept_past_its_lease_is_told_what_it_lost_and_has_its_share_again(
    streams: Streams, join: Join
) -> None:
    sleeps, other = join(), join()
    settle(streams, sleeps, other)
    before = sleeps.claimed()
    sleeps.die()
    poll_all([other], lambda: len(other.owned(streams)) == STREAMS, "all moved")
    sleeps.poll()
    assert {partition.number for partition in sleeps.membership.heard("lost")} == before
    poll_all([sleeps, other], settled(streams, other, sleeps), "fair shares again")


def test_a_heartbeat_that_wakes_first_does_not_bring_back_what_others_took(
    streams: Streams, join: Join
) -> None:
    sleeps, other = join(), join()
    settle(streams, sleeps, other)
    sleeps.die()
    poll_all([other], lambda: len(other.owned(streams)) == STREAMS, "all moved")
    assert sleeps.source._joined is not None
    sleeps.source._joined[1]._leases[streams.topic].beat()
    assert sleeps.owned(streams) == set()


def test_a_lease_that_ran_out_ends_what_is_handed_out(streams: Streams, join: Join) -> None:
    for number in range(STREAMS):
        streams.fill([1], number)
    member = join()
    steps = member.source.poll((), 5)
    first = next(steps)
    member.die()
    eventually(lambda: not member.source.owns(first.claim.partition), "the lease runs out")
    assert list(steps) == []
    assert len(member.membership.heard("lost")) == STREAMS


def test_a_surplus_is_given_back_between_two_batches(streams: Streams, join: Join) -> None:
    for number in range(STREAMS):
        streams.fill([1], number)
    first, second = join(), join()
    steps = first.source.poll((), 5)
    handed = {next(steps).claim.partition.number}
    second.poll()
    for fetched in steps:
        handed.add(fetched.claim.partition.number)
        until = time.monotonic() + LEASE / 4  # an apply, longer than it takes to look at the table
        poll_all([second], lambda until=until: time.monotonic() > until, "time passes")  # type: ignore[misc]  # mypy cannot infer a lambda with a default
    given = {partition.number for partition in first.membership.heard("revoked")}
    assert len(given) == STREAMS // 2
    assert not handed & given


def test_nothing_is_lost_or_repeated_while_workers_come_and_go(
    streams: Streams, join: Join, url: str
) -> None:
    fleet = [join()]
    everybody = list(fleet)
    for round_ in range(12):
        for number in range(STREAMS):
            streams.fill(range(round_ * 20 + 1, round_ * 20 + 21), number)
        match round_ % 4:
            case 0 | 1:
                fleet.append(join())
                everybody.append(fleet[-1])
            case 2:
                fleet.pop(0).close()
            case _:
                fleet.pop(0).die()
        until = time.monotonic() + LEASE / 4
        poll_all(fleet, lambda until=until: time.monotonic() > until, "a while")  # type: ignore[misc]  # as above
    checkpoints: dict[Partition, Any] = everybody[0].membership.checkpoints
    poll_all(
        fleet,
        lambda: all(each.milliseconds == 240 for each in checkpoints.values()),
        "everything is read",
    )
    for number in range(STREAMS):
        found = [value for member in everybody for value in member.values(number)]
        assert sorted(found) == list(range(1, 241))
