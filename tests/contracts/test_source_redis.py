"""The source on Redis Streams against real servers: what it hands out, and what it never jumps."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from redis.exceptions import RedisError

from consumer.adapters.redis.connection import Client, connect
from consumer.adapters.redis.ids import ZERO
from consumer.adapters.redis.stream_source import RedisStreamSource
from consumer.embedded.valkey import Valkey
from consumer.errors import Misconfigured, SourceFailed
from consumer.model.position import IntOffset, Offset, Partition
from consumer.model.start import Start
from tests.contracts.redis_room import LEASE, Member, Recording, Streams, at, eventually, fresh
from tests.servers import SERVICE, SentinelTrio

Join = Callable[..., Member]
COUNTS = ["valkey", "redis_70", "valkey_cluster"]
ALL = [*COUNTS, "redis_62"]

Reach = Callable[[], Client]


@pytest.fixture(params=ALL)
def reach(request: pytest.FixtureRequest) -> Reach:
    """A new client of the server."""
    url = request.getfixturevalue(request.param).url
    return lambda: connect(url, cluster=request.param == "valkey_cluster")


@pytest.fixture
def make_streams(reach: Reach) -> Iterator[Callable[..., Streams]]:
    client = reach()
    yield lambda count=1: Streams(client, count)
    client.close()


@pytest.fixture
def streams(make_streams: Callable[..., Streams]) -> Streams:
    return make_streams()


@pytest.fixture
def join(reach: Reach) -> Iterator[Join]:
    members: list[Member] = []

    def joined(streams: Streams, membership: Recording | None = None, **more: Any) -> Member:
        settings: dict[str, Any] = {
            "topics": [streams.topic],
            "streams": streams.count,
            "projection": "customers",
            "owner": f"worker-{len(members)}",
            "prefix": "test",
            "lease_seconds": LEASE,
            **more,
        }
        source = RedisStreamSource(reach(), **settings)
        member = Member(source, membership or Recording())
        members.append(member)
        source.open(member.membership)
        return member

    yield joined
    for member in members:
        member.close()


only_where_counted = pytest.mark.parametrize("reach", COUNTS, indirect=True)
only_where_not_counted = pytest.mark.parametrize("reach", ["redis_62"], indirect=True)


def resumed(streams: Streams, offset: str, number: int = 0) -> Recording:
    return Recording({streams.partition(number): at(offset)})


# --- reading -------------------------------------------------------------------------------------


def test_all_entries_come_in_order_behind_the_checkpoint(streams: Streams, join: Join) -> None:
    streams.fill(range(1, 31))
    member = join(streams, resumed(streams, "10-0"), batch_size=7)
    member.poll_until(lambda: len(member.values()) >= 20, "the rest is read")
    assert member.values() == list(range(11, 31))
    assert all(len(each.records) <= 7 for each in member.fetched)
    assert member.fetched[-1].through == at("30-0")


def test_each_partition_has_one_fetched_a_poll_and_none_starves(
    make_streams: Callable[..., Streams], join: Join
) -> None:
    streams = make_streams(4)
    for number in range(4):
        streams.fill(range(1, 21), number)
    member = join(streams, batch_size=5)
    fetched = member.poll()
    assert [each.claim.partition.number for each in fetched] == [0, 1, 2, 3]
    assert {len(each.records) for each in fetched} == {5}


def test_a_poll_waits_for_the_first_entry_and_no_longer(streams: Streams, join: Join) -> None:
    member = join(streams)
    member.poll(0)
    streams.add(1)
    assert [len(each.records) for each in member.source.poll((), 20)] == [1]


def test_nothing_is_read_of_a_paused_partition(
    make_streams: Callable[..., Streams], join: Join
) -> None:
    streams = make_streams(2)
    for number in range(2):
        streams.fill(range(1, 4), number)
    member = join(streams, batch_size=1)
    member.paused = {streams.partition(0)}
    member.poll_until(lambda: len(member.values(1)) == 3, "the other is read")
    assert member.values(0) == []
    member.paused = set()
    member.poll_until(lambda: len(member.values(0)) == 3, "it goes on")
    assert member.values(0) == [1, 2, 3]


def test_what_a_poll_did_not_hand_out_comes_again(
    make_streams: Callable[..., Streams], join: Join
) -> None:
    streams = make_streams(2)
    for number in range(2):
        streams.fill([1, 2], number)
    member = join(streams)
    steps = member.source.poll((), 1)
    first = next(steps)
    steps.close()  # the worker had something else to do
    assert first.claim.partition == streams.partition(0)
    member.poll_until(lambda: member.values(1) == [1, 2], "the second is read")
    assert member.values(0) == [], "handed out twice"


def test_a_claim_made_anew_reads_from_its_checkpoint_whatever_was_read_ahead(
    streams: Streams, join: Join
) -> None:
    streams.fill(range(1, 10))
    member = join(streams, batch_size=1)
    member.poll_until(lambda: member.values() == [1, 2, 3], "some are read")
    member.membership.checkpoints[streams.partition()] = at("1-0")
    member.source._stop_reading([streams.partition()])  # as when the lease is lost
    member.poll_until(lambda: len(member.values()) > 3, "it reads again")
    assert member.values() == [1, 2, 3, 2]


def test_nothing_is_read_without_a_claim(streams: Streams, join: Join) -> None:
    streams.fill([1])
    membership = Recording()
    membership.refuses = True
    member = join(streams, membership)
    member.poll_until(lambda: len(membership.asked) > 2, "it asks again")
    assert member.fetched == []
    membership.refuses = False
    member.poll_until(lambda: member.values() == [1], "it reads once it may")


def test_the_identity_of_the_log_is_the_birth_of_the_topic(streams: Streams, join: Join) -> None:
    member = join(streams)
    member.poll_until(member.claimed, "it claims")
    assert member.membership.logs[streams.partition()] == streams.log
    assert streams.log.partitions == 1
    assert streams.log.id


def test_a_checkpoint_of_another_kind_of_log_halts(streams: Streams, join: Join) -> None:
    checkpoints: dict[Partition, Offset] = {streams.partition(): IntOffset(5)}
    member = join(streams, Recording(checkpoints))
    member.poll_until(lambda: member.membership.halted, "it halts")
    assert "another kind of log" in str(member.membership.halted[streams.partition()])


# --- where a projection begins -------------------------------------------------------------------


def begun(streams: Streams, join: Join, start: Start) -> Member:
    member = join(streams, Recording(start=start))
    member.poll_until(member.claimed, "it claims")
    return member


def test_a_start_at_the_beginning_reads_all_that_is_there(streams: Streams, join: Join) -> None:
    streams.fill(range(1, 11))
    streams.keep(4)
    member = begun(streams, join, Start("beginning"))
    member.poll_until(lambda: len(member.values()) >= 4, "all is read")
    assert member.values() == [7, 8, 9, 10]


def test_a_start_at_the_end_reads_what_comes_then(streams: Streams, join: Join) -> None:
    streams.fill(range(1, 4))
    member = begun(streams, join, Start("end"))
    streams.fill([9])
    member.poll_until(member.values, "the new one is read")
    assert member.values() == [9]


def test_a_start_at_a_time_reads_what_was_added_since(streams: Streams, join: Join) -> None:
    streams.fill([1000, 2000, 3000])
    member = begun(streams, join, Start("time", time=datetime.fromtimestamp(2, UTC)))
    member.poll_until(lambda: len(member.values()) >= 2, "the later ones are read")
    assert member.values() == [2000, 3000]


def test_a_start_at_a_time_after_all_entries_is_the_end(streams: Streams, join: Join) -> None:
    streams.fill([1000, 2000])
    member = begun(streams, join, Start("time", time=datetime.fromtimestamp(5, UTC)))
    streams.fill([6000])
    member.poll_until(member.values, "the new one is read")
    assert member.values() == [6000]


def test_a_start_from_a_group_takes_over_behind_what_it_was_given(
    streams: Streams, join: Join
) -> None:
    streams.fill(range(1, 6))
    streams.client.xgroup_create(streams.name(), "old", "0")
    streams.client.xreadgroup("old", "c", {streams.name(): ">"}, count=3, noack=True)
    member = begun(streams, join, Start("group", group="old"))
    member.poll_until(lambda: len(member.values()) >= 2, "the rest is read")
    assert member.values() == [4, 5]


def test_a_start_from_a_group_repeats_what_it_never_acknowledged(
    streams: Streams, join: Join
) -> None:
    streams.fill(range(1, 6))
    streams.client.xgroup_create(streams.name(), "old", "0")
    streams.client.xreadgroup("old", "c", {streams.name(): ">"}, count=3)
    streams.client.xack(streams.name(), "old", "1-0")
    member = begun(streams, join, Start("group", group="old"))
    member.poll_until(lambda: len(member.values()) >= 4, "the rest is read")
    assert member.values() == [2, 3, 4, 5]


def test_a_start_from_a_group_that_is_not_there_is_for_a_person(
    streams: Streams, join: Join
) -> None:
    streams.fill([1])
    with pytest.raises(Misconfigured, match="no consumer group old"):
        begun(streams, join, Start("group", group="old"))


def test_a_stream_that_is_not_there_yet_starts_at_its_beginning_whatever_the_start(
    make_streams: Callable[..., Streams], join: Join
) -> None:
    streams = make_streams(2)
    streams.fill(range(1, 4), 0)
    streams.client.xgroup_create(streams.name(0), "old", "2-0")
    member = join(streams, Recording(start=Start("group", group="old")))
    member.poll_until(lambda: len(member.claimed()) == 2, "it claims both")
    streams.fill([7], 1)
    member.poll_until(lambda: len(member.values()) == 2, "both are read")
    assert (member.values(0), member.values(1)) == ([3], [7])


def test_a_projection_may_begin_before_the_first_entry(streams: Streams, join: Join) -> None:
    member = begun(streams, join, Start("beginning"))
    assert member.membership.checkpoints[streams.partition()] == ZERO
    streams.fill([5])
    member.poll_until(member.values, "the first is read")


# --- nothing is jumped ---------------------------------------------------------------------------


def halts(member: Member, streams: Streams, *said: str) -> None:
    member.poll_until(lambda: member.membership.halted, "it halts")
    reason = str(member.membership.halted[streams.partition()])
    for part in (str(streams.partition()), "reset", *said):
        assert part in reason
    asked = len(member.membership.asked)
    member.poll_until(lambda: len(member.membership.asked) > asked, "it asks again")
    assert member.values() == [], "it jumped"


def test_entries_trimmed_behind_the_checkpoint_halt_the_partition(
    streams: Streams, join: Join
) -> None:
    streams.fill(range(1, 11))
    streams.keep(4)
    halts(join(streams, resumed(streams, "5-0")), streams, "offset 5-0", "7-0 to 10-0")


def test_entries_trimmed_to_the_very_next_one_are_not_lost(streams: Streams, join: Join) -> None:
    for entry_id in ("5-0", "5-1", "5-2"):
        streams.add(1, entry_id=entry_id)
    streams.keep(2)
    member = join(streams, resumed(streams, "5-0"))
    member.poll_until(lambda: len(member.values()) == 2, "the rest is read")


def test_entries_trimmed_while_the_worker_runs_halt_the_partition(
    streams: Streams, join: Join
) -> None:
    streams.fill([1, 2])
    member = join(streams)
    member.poll_until(lambda: member.values() == [1, 2], "it is caught up")
    member.poll()
    member.fetched.clear()
    streams.fill([3, 4, 5])
    streams.keep(1)
    halts(member, streams, "offset 2-0", "5-0 to 5-0")


def test_entries_trimmed_behind_a_start_at_the_end_halt_the_partition(
    streams: Streams, join: Join
) -> None:
    streams.fill([1, 2])
    member = begun(streams, join, Start("end"))
    streams.fill([3, 4, 5])
    streams.keep(1)
    halts(member, streams, "offset 2-0")


def test_a_stream_that_is_gone_halts_the_partition(streams: Streams, join: Join) -> None:
    streams.fill([1, 2])
    streams.client.delete(streams.name())
    halts(join(streams, resumed(streams, "2-0")), streams, "gone")


def test_a_stream_made_anew_below_the_checkpoint_halts_the_partition(
    streams: Streams, join: Join
) -> None:
    streams.fill([1, 2])
    halts(join(streams, resumed(streams, "9-0")), streams, "anew", "2-0")


def test_a_stream_made_anew_while_the_worker_runs_halts_the_partition(
    streams: Streams, join: Join
) -> None:
    streams.fill([1, 2])
    member = join(streams)
    member.poll_until(lambda: member.values() == [1, 2], "it is caught up")
    member.poll()
    member.fetched.clear()
    streams.client.delete(streams.name())
    streams.fill([7, 8, 9, 10])
    halts(member, streams, "offset 2-0")


def test_a_halted_partition_stops_no_other(
    make_streams: Callable[..., Streams], join: Join
) -> None:
    streams = make_streams(2)
    for number in range(2):
        streams.fill(range(1, 4), number)
    streams.keep(1, 0)
    member = join(streams, Recording({streams.partition(0): at("1-0")}))
    member.poll_until(lambda: len(member.values(1)) == 3, "the other is read")
    assert set(member.membership.halted) == {streams.partition(0)}


def test_where_nothing_came_behind_a_trimmed_checkpoint_nothing_is_lost(
    streams: Streams, join: Join
) -> None:
    streams.fill([1, 2])
    streams.keep(0)
    member = join(streams, resumed(streams, "2-0"))
    member.poll()
    member.poll()
    assert member.membership.halted == {}


@only_where_counted
def test_a_trim_that_took_what_was_applied_alone_halts_nothing(
    streams: Streams, join: Join
) -> None:
    streams.fill([1, 2])
    member = join(streams)
    member.poll_until(lambda: member.values() == [1, 2], "it is caught up")
    member.poll()
    streams.keep(0)
    streams.fill([3, 4])
    member.poll_until(lambda: len(member.values()) == 4, "the rest is read")
    assert member.membership.halted == {}


@only_where_counted
def test_what_was_read_is_counted_before_the_end_is_reached(streams: Streams, join: Join) -> None:
    streams.fill([1, 2])
    member = join(streams)
    member.poll_until(lambda: member.values() == [1, 2], "it reads")
    streams.fill([3, 4])
    streams.keep(2)
    member.poll_until(lambda: member.values() == [1, 2, 3, 4], "the rest is read")
    assert member.membership.halted == {}


@only_where_counted
def test_a_beginning_is_the_zero_and_what_is_trimmed_since_is_lost(
    streams: Streams, join: Join
) -> None:
    streams.fill([1, 2])
    streams.keep(1)
    halts(join(streams, resumed(streams, "0-0")), streams, "offset 0-0")


@only_where_not_counted
def test_a_server_that_does_not_count_halts_where_the_entry_at_the_checkpoint_is_gone(
    streams: Streams, join: Join
) -> None:
    streams.fill([1, 2])
    member = join(streams)
    member.poll_until(lambda: member.values() == [1, 2], "it is caught up")
    member.poll()
    streams.keep(0)
    streams.fill([3])
    member.fetched.clear()
    halts(member, streams, "offset 2-0")


def test_deleted_entries_at_the_end_do_not_hide_what_comes_then(
    streams: Streams, join: Join
) -> None:
    streams.fill([1, 2, 3])
    streams.client.xdel(streams.name(), "3-0")
    member = join(streams)
    member.poll_until(lambda: member.values() == [1, 2], "it is caught up")
    member.poll()
    streams.fill([4])
    member.poll_until(lambda: member.values() == [1, 2, 4], "the new one is read")


# --- registration, outages -----------------------------------------------------------------------


def test_another_number_of_streams_is_refused_with_both_numbers(
    make_streams: Callable[..., Streams], join: Join
) -> None:
    streams = make_streams(12)
    streams.count = 8
    with pytest.raises(Misconfigured, match=r"12 streams.* 8"):
        join(streams)


def test_a_topic_that_nobody_made_is_refused(reach: Reach, streams: Streams, join: Join) -> None:
    misspelt = fresh("odrers")
    with pytest.raises(Misconfigured, match=f"{misspelt} has no streams yet: check the name"):
        join(streams, topics=[misspelt])
    client: Any = reach()
    assert not client.exists(f"{misspelt}:streams"), "it was made"
    client.close()


def test_a_topic_that_its_own_producers_made_is_read(reach: Reach, join: Join) -> None:
    client: Any = reach()
    streams = Streams(client, 3)
    client.delete(f"{streams.topic}:streams")
    streams.fill([1], 2)
    member = join(streams)
    member.poll_until(lambda: member.values() == [1], "it is read")
    client.close()


def test_who_cannot_reach_redis_cannot_join() -> None:
    source = RedisStreamSource(
        connect("redis://127.0.0.1:1"),
        topics=["orders"],
        streams=1,
        projection="p",
        owner="w",
        prefix="t",
    )
    with pytest.raises(SourceFailed):
        source.open(Recording())
    source.close()


def test_an_outage_yields_nothing_loses_the_leases_and_is_waited_out(
    own_valkey: Callable[..., Valkey],
) -> None:
    server = own_valkey(append_only=True)
    streams = Streams(connect(server.url))
    streams.fill([1, 2])
    source = source_at(server, streams)
    member = Member(source, Recording())
    source.open(member.membership)
    member.poll_until(lambda: member.values() == [1, 2], "it is caught up")
    server.kill()
    assert member.poll() == []
    member.poll_until(lambda: member.membership.heard("lost"), "its lease runs out")
    assert not member.source.owns(streams.partition())
    server.start()
    streams.fill([3])
    member.poll_until(lambda: member.values() == [1, 2, 3], "it goes on by itself")
    member.close()
    assert member.membership.heard("revoked") == [streams.partition()]


def test_a_redis_that_does_not_answer_holds_nobody_up_for_long(
    own_valkey: Callable[..., Valkey],
) -> None:
    server = own_valkey()
    streams = Streams(connect(server.url))
    streams.fill([1, 2])
    source = source_at(server, streams)
    member = Member(source, Recording())
    source.open(member.membership)
    member.poll_until(lambda: member.values() == [1, 2], "it is caught up")
    os.kill(server.pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        assert member.poll() == []
        assert time.monotonic() - began < 5
        member.poll_until(lambda: member.membership.heard("lost"), "its lease runs out")
        assert not source.owns(streams.partition())
    finally:
        os.kill(server.pid, signal.SIGCONT)
    streams.fill([3])
    member.poll_until(lambda: member.values() == [1, 2, 3], "it goes on by itself")
    member.close()


def source_at(server: Valkey, streams: Streams) -> RedisStreamSource:
    return RedisStreamSource(
        connect(server.url),
        topics=[streams.topic],
        streams=streams.count,
        projection="p",
        owner="w",
        prefix="t",
        lease_seconds=LEASE,
    )


def test_a_failover_is_waited_out(own_sentinel: SentinelTrio) -> None:
    hosts = ",".join(f"{host}:{port}" for host, port in own_sentinel.addresses)

    def reach() -> Client:
        return connect(f"redis://{hosts}/0", sentinel=SERVICE)

    streams = Streams(reach())
    streams.fill([1, 2])
    source = RedisStreamSource(
        reach(),
        topics=[streams.topic],
        streams=1,
        projection="p",
        owner="w",
        prefix="t",
        lease_seconds=LEASE,
    )
    member = Member(source, Recording())
    source.open(member.membership)
    member.poll_until(lambda: member.values() == [1, 2], "it is caught up")
    assert streams.client.wait(1, 5000) == 1  # what is not replicated, a failover loses
    demoted = own_sentinel.master
    demoted.kill()
    eventually(lambda: own_sentinel.master is not demoted, "another is master")
    eventually(lambda: added(streams, 3), "the new master takes entries")
    member.poll_until(lambda: member.values() == [1, 2, 3], "it goes on by itself")
    assert member.membership.halted == {}
    member.close()


def added(streams: Streams, value: int) -> bool:
    try:
        streams.fill([value])
    except RedisError:
        return False
    return True


def test_a_closed_source_may_be_opened_again(streams: Streams, join: Join) -> None:
    streams.fill([1])
    member = join(streams)
    member.poll_until(lambda: member.values() == [1], "it reads")
    member.close()
    member.close()
    assert member.membership.heard("revoked") == [streams.partition()]
    member.source.open(member.membership)
    streams.fill([2])
    member.poll_until(lambda: member.values() == [1, 2], "it goes on")


def test_topics_are_shared_apart_and_read_together(reach: Reach, join: Join) -> None:
    client = reach()
    orders, payments = Streams(client, 2), Streams(client, 2)
    orders.fill([1], 0)
    payments.fill([2], 1)
    member = join(orders, topics=[orders.topic, payments.topic], projection=fresh("both"))
    member.poll_until(lambda: len(member.values()) == 2, "both are read")
    assert member.owned(orders) == member.owned(payments) == {0, 1}
    client.close()
