"""The projection's group on Redis Streams: its place, and that its lag is what an own count says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from consumer.adapters.codecs.cloudevents import CloudEvents
from consumer.adapters.redis import mirroring
from consumer.adapters.redis.connection import Client, connect
from consumer.adapters.redis.event_log import RedisStreamLog
from consumer.adapters.redis.groups import Place, put
from consumer.adapters.redis.mirror import RedisMirror
from consumer.adapters.redis.stream_source import RedisStreamSource
from consumer.embedded.valkey import Valkey
from consumer.errors import Misconfigured, Transient
from consumer.model.position import IntOffset, Offset, Partition, StreamOffset
from consumer.model.start import Start
from tests.contracts.redis_room import LEASE, Member, Recording, Streams, at, eventually, poll_all

GROUP = "customers"

#: What the documentation says a user of the streams may do, beside the user of the checkpoints.
COMMANDS = (
    "+eval +evalsha +exists +hdel +hexists +hget +hgetall +hincrby +hmget +hset +ping "
    "+xgroup|create +xgroup|setid +xinfo +xpending +xrange +xread"
)

Join = Callable[..., Member]
Reach = Callable[[], Client]


@pytest.fixture(params=["valkey", "redis_70", "valkey_cluster"])
def reach(request: pytest.FixtureRequest) -> Reach:
    """A new client of a server that counts."""
    url = request.getfixturevalue(request.param).url
    return lambda: connect(url, cluster=request.param == "valkey_cluster")


@pytest.fixture
def streams(reach: Reach) -> Iterator[Streams]:
    client = reach()
    yield Streams(client)
    client.close()


@pytest.fixture
def join() -> Iterator[Join]:
    members: list[Member] = []

    def joined(
        client: Client, streams: Streams, membership: Recording | None = None, **more: Any
    ) -> Member:
        settings: dict[str, Any] = {
            "topics": [streams.topic],
            "streams": streams.count,
            "projection": GROUP,
            "owner": f"worker-{len(members)}",
            "prefix": "test",
            "lease_seconds": LEASE,
            "batch_size": 7,
            **more,
        }
        member = Member(RedisStreamSource(client, **settings), membership or Recording())
        members.append(member)
        member.source.open(member.membership)
        return member

    yield joined
    for member in members:
        member.close()


def group(streams: Streams, number: int = 0) -> dict[str, Any] | None:
    """What Redis tells of it."""
    found: list[dict[str, Any]] = streams.client.xinfo_groups(streams.name(number))
    return next((each for each in found if each["name"] == GROUP.encode()), None)


def place(streams: Streams, number: int = 0) -> StreamOffset | None:
    found = group(streams, number)
    return at(found["last-delivered-id"].decode()) if found else None


def lag(streams: Streams, number: int = 0) -> int | None:
    found = group(streams, number)
    assert found is not None
    return found["lag"]  # type: ignore[no-any-return]  # redis-py has no types for it


def there_are_behind(streams: Streams, offset: Offset | None, number: int = 0) -> int:
    """Counted by reading all of them."""
    return len(streams.client.xrange(streams.name(number), min=f"({offset}"))


def checkpoint(member: Member, streams: Streams, number: int = 0) -> Offset | None:
    return member.membership.checkpoints.get(streams.partition(number))


def stands(member: Member, streams: Streams, value: int) -> None:
    """Waits until so much is applied and shown, and nothing more is read."""
    offset = at(f"{value}-0")
    member.poll_until(lambda: checkpoint(member, streams) == offset, f"{value} is applied")
    member.paused = {streams.partition()}
    member.poll_until(lambda: place(streams) == offset, f"{value} is shown")


def shows_the_truth(member: Member, streams: Streams) -> None:
    member.poll_until(
        lambda: lag(streams) == there_are_behind(streams, checkpoint(member, streams)),
        "the group's lag is what stands behind the checkpoint",
    )


# --- killed, trimmed, deleted --------------------------------------------------------------------


@pytest.mark.parametrize("applied_since", [0, 1, 6, 13])
def test_after_a_kill_the_count_goes_on_from_where_the_group_was_left(
    reach: Reach, join: Join, streams: Streams, applied_since: int
) -> None:
    streams.fill(range(1, 41))
    killed = join(reach(), streams)
    stands(killed, streams, 14)
    killed.die()
    resumed = Recording({streams.partition(): at(f"{14 + applied_since}-0")})
    member = join(reach(), streams, resumed)
    stands(member, streams, 14 + applied_since + 7)
    assert lag(streams) == 40 - (14 + applied_since + 7)


@pytest.mark.parametrize("page", [1, 2, 2_000])
def test_without_a_former_group_it_is_counted(
    reach: Reach, join: Join, streams: Streams, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr("consumer.adapters.redis.counting._PAGE_SIZE", page)
    monkeypatch.setattr(mirroring, "_COUNTED_A_TURN", 2 * page)
    streams.fill(range(1, 41))
    member = join(reach(), streams, Recording({streams.partition(): at("9-0")}))
    stands(member, streams, 16)
    shows_the_truth(member, streams)
    assert lag(streams) == 24


def test_what_was_trimmed_after_it_was_applied_changes_nothing(
    reach: Reach, join: Join, streams: Streams
) -> None:
    streams.fill(range(1, 41))
    member = join(reach(), streams)
    stands(member, streams, 14)
    streams.keep(30)
    member.paused = set()
    stands(member, streams, 21)
    assert lag(streams) == 19
    member.close()
    streams.keep(25)
    again = join(reach(), streams, Recording(member.membership.checkpoints))
    stands(again, streams, 28)
    assert lag(streams) == 12


def test_what_is_deleted_ahead_is_in_no_lag_once_it_is_passed(
    reach: Reach, join: Join, streams: Streams
) -> None:
    streams.fill(range(1, 41))
    member = join(reach(), streams)
    stands(member, streams, 7)
    streams.client.xdel(streams.name(), "9-0", "10-0")
    assert lag(streams) is None, "Redis tells none of a group before a gap"
    member.paused = set()
    member.poll_until(lambda: checkpoint(member, streams) != at("7-0"), "more is applied")
    member.paused = {streams.partition()}
    shows_the_truth(member, streams)
    streams.client.xdel(streams.name(), "30-0", "38-0")
    member.paused = set()
    stands(member, streams, 40)
    assert lag(streams) == 0


def test_what_is_deleted_after_it_was_applied_changes_nothing(
    reach: Reach, join: Join, streams: Streams
) -> None:
    streams.fill(range(1, 41))
    member = join(reach(), streams)
    stands(member, streams, 14)
    streams.client.xdel(streams.name(), "3-0", "13-0")
    member.paused = set()
    stands(member, streams, 21)
    assert lag(streams) == 19


def test_a_start_behind_trimmed_entries_counts_from_what_is_there(
    reach: Reach, join: Join, streams: Streams
) -> None:
    streams.fill(range(1, 41))
    streams.keep(30)
    member = join(reach(), streams)
    stands(member, streams, 17)
    assert lag(streams) == 23


def test_a_group_that_somebody_destroyed_is_made_again(
    reach: Reach, join: Join, streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirroring, "_AGAIN", 0.1)
    streams.fill(range(1, 41))
    member = join(reach(), streams)
    stands(member, streams, 7)
    streams.client.xgroup_destroy(streams.name(), GROUP)
    stands(member, streams, 7)
    assert lag(streams) == 33
    streams.client.xgroup_setid(streams.name(), GROUP, "30-0", entries_read=2)
    stands(member, streams, 7)
    assert lag(streams) == 33
    assert member.membership.unmirrored_by == []


def test_a_stream_that_is_deleted_under_a_worker_troubles_no_other_partition(
    reach: Reach, join: Join
) -> None:
    client = reach()
    streams = Streams(client, 2)
    for number in range(2):
        streams.fill(range(1, 8), number)
    member = join(reach(), streams)
    member.poll_until(lambda: all(place(streams, n) == at("7-0") for n in (0, 1)), "both stand")
    streams.client.delete(streams.name(0))
    streams.fill([8, 9], 1)
    member.poll_until(lambda: place(streams, 1) == at("9-0"), "the other one goes on")
    assert lag(streams, 1) == 0
    assert set(member.membership.halted) == {streams.partition(0)}
    assert member.membership.unmirrored_by == []
    client.close()


def test_a_stream_that_is_not_there_yet_has_its_group_with_its_first_entries(
    reach: Reach, join: Join, streams: Streams
) -> None:
    member = join(reach(), streams)
    member.poll_until(member.claimed, "it claims")
    assert not streams.client.exists(streams.name())
    streams.fill(range(1, 11))
    stands(member, streams, 7)
    assert lag(streams) == 3


def test_a_partition_that_stops_within_a_batch_is_shown_where_it_stopped(
    reach: Reach, join: Join, streams: Streams
) -> None:
    streams.fill(range(1, 41))
    member = join(reach(), streams)
    stands(member, streams, 7)
    for fetched in member.source.poll((), 1):
        assert fetched.through == at("14-0")
        member.membership.checkpoints[streams.partition()] = at("10-0")
        member.source.mirror(streams.partition(), at("10-0"))
    member.poll_until(lambda: place(streams) == at("10-0"), "it is shown")
    shows_the_truth(member, streams)
    assert lag(streams) == 30


def test_the_group_of_a_partition_that_lost_entries_stands_where_it_halted(
    reach: Reach, join: Join, streams: Streams
) -> None:
    streams.fill(range(1, 15))
    member = join(reach(), streams)
    member.poll_until(lambda: checkpoint(member, streams) == at("14-0"), "all is applied")
    streams.fill(range(15, 41))
    streams.keep(5)
    member.poll_until(lambda: member.membership.halted, "it halts")
    assert place(streams) == checkpoint(member, streams)


# --- in good order -------------------------------------------------------------------------------


def test_while_a_worker_runs_the_lag_is_what_stands_behind_its_checkpoint(
    reach: Reach, join: Join, streams: Streams
) -> None:
    streams.fill(range(1, 36))
    member = join(reach(), streams)
    for applied in (7, 14, 21, 28, 35):
        stands(member, streams, applied)
        assert lag(streams) == 35 - applied
        member.paused = set()
    streams.fill(range(36, 40))
    stands(member, streams, 39)
    assert lag(streams) == 0
    found = group(streams)
    assert found is not None
    assert (found["pending"], found["consumers"]) == (0, 0)


def test_a_graceful_close_leaves_the_group_at_the_last_checkpoint(
    reach: Reach, join: Join, streams: Streams
) -> None:
    streams.fill(range(1, 41))
    member = join(reach(), streams)
    stands(member, streams, 7)
    member.paused = set()
    while checkpoint(member, streams) != at("28-0"):
        member.poll()
    member.close()
    assert place(streams) == at("28-0")
    assert lag(streams) == 12


def test_a_partition_that_is_given_back_is_shown_before(reach: Reach, join: Join) -> None:
    client = reach()
    streams = Streams(client, 2)
    for number in range(2):
        streams.fill(range(1, 41), number)
    checkpoints: dict[Any, Offset] = {}
    first = join(reach(), streams, Recording(checkpoints))
    first.poll_until(lambda: len(first.claimed()) == 2, "it has both")
    shown: list[Offset | None] = []
    revoked = first.membership.revoked

    def look(partitions: Any) -> None:
        shown.extend(place(streams, each.number) for each in partitions)
        assert shown == [checkpoints[each] for each in partitions]
        first.membership.revoked = revoked  # type: ignore[method-assign]  # as below
        revoked(partitions)

    first.membership.revoked = look  # type: ignore[method-assign]  # looks at the moment itself
    second = join(reach(), streams, Recording(checkpoints))
    poll_all([first, second], lambda: shown, "one is given back")
    client.close()


def test_nothing_is_read_from_the_group(reach: Reach, join: Join, streams: Streams) -> None:
    streams.fill(range(1, 41))
    streams.client.xgroup_create(streams.name(), GROUP, "20-0", entries_read=20)
    member = join(reach(), streams)
    stands(member, streams, 7)
    assert member.values() == [1, 2, 3, 4, 5, 6, 7]
    assert lag(streams) == 33


def test_where_no_group_is_wanted_there_is_none(reach: Reach, join: Join, streams: Streams) -> None:
    streams.fill(range(1, 8))
    member = join(reach(), streams, mirror=False)
    member.poll_until(lambda: checkpoint(member, streams) == at("7-0"), "all is applied")
    member.close()
    assert group(streams) is None


def test_a_server_that_does_not_count_shows_the_place_alone(redis_62: Any, join: Join) -> None:
    streams = Streams(connect(redis_62.url))
    streams.fill(range(1, 41))
    member = join(connect(redis_62.url), streams)
    for applied in (7, 14):
        stands(member, streams, applied)
        member.paused = set()
    member.close()
    assert place(streams) == checkpoint(member, streams)
    assert member.membership.unmirrored_by == []
    streams.client.close()


# --- outages -------------------------------------------------------------------------------------


def test_in_an_outage_nothing_waits_for_the_group_and_it_heals(
    own_valkey: Callable[..., Valkey], join: Join
) -> None:
    server = own_valkey(append_only=True)
    streams = Streams(connect(server.url))
    streams.fill(range(1, 8))
    member = join(connect(server.url), streams)
    stands(member, streams, 7)
    server.kill()
    member.paused = set()
    member.poll_until(lambda: member.membership.heard("lost"), "its lease runs out")
    assert member.membership.unmirrored_by == [], "it was tried while nobody answered"
    server.start()
    streams.fill(range(8, 20))
    member.poll_until(lambda: place(streams) == at("19-0"), "it goes on by itself")
    assert lag(streams) == 0
    streams.fill(range(20, 23))
    while checkpoint(member, streams) != at("22-0"):
        member.poll()
    server.kill()
    member.close()
    assert [type(each) for each in member.membership.unmirrored_by] in ([Transient], [])
    streams.client.close()


def test_a_group_that_the_acl_forbids_is_told_and_nothing_stops(
    own_valkey: Callable[..., Valkey], join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirroring, "_AFTER_FAILURE", 0.1)
    server = own_valkey()
    streams = Streams(connect(server.url))
    streams.client.execute_command(
        "ACL SETUSER", "worker", "on", ">secret", "~*", "+@all", "-xgroup"
    )
    streams.fill(range(1, 15))
    member = join(connect(server.url, username="worker", password="secret"), streams)
    member.poll_until(lambda: checkpoint(member, streams) == at("14-0"), "it works")
    member.poll_until(lambda: len(member.membership.unmirrored_by) > 1, "it is tried again")
    assert isinstance(member.membership.unmirrored_by[0], Misconfigured)
    assert GROUP in str(member.membership.unmirrored_by[0])
    streams.client.execute_command("ACL SETUSER", "worker", "+xgroup")
    member.poll_until(lambda: place(streams) == at("14-0"), "it is shown once it may be")
    member.close()
    streams.client.close()


def test_a_user_of_these_rules_alone_is_enough_to_read_and_to_show(
    own_valkey: Callable[..., Valkey], join: Join
) -> None:
    server = own_valkey()
    streams = Streams(connect(server.url))
    streams.fill(range(1, 41))
    rules = f"on >secret resetkeys ~test:* ~{streams.topic}:* resetchannels -@all {COMMANDS}"
    streams.client.execute_command("ACL SETUSER", "worker", *rules.split())

    def limited() -> Client:
        return connect(server.url, username="worker", password="secret")

    member = join(limited(), streams)
    stands(member, streams, 14)
    member.close()
    assert place(streams) == checkpoint(member, streams)
    log = RedisStreamLog(limited(), topics=[streams.topic], codec=CloudEvents())
    assert log.ends() == {streams.partition(): at("40-0")}
    assert log.lag({streams.partition(): at("20-0")})[streams.partition()].events == 20
    for start in ("beginning", "end", "2020-01-01T00:00:00Z", f"group:{GROUP}"):
        log.before(streams.partition(), Start.parse(start))
    mirror = RedisMirror(limited(), group=GROUP)
    mirror.show({streams.partition(): at("20-0")})
    assert lag(streams) == 20
    assert member.membership.unmirrored_by == []
    mirror.close()
    log.close()
    streams.client.close()


# --- groups of others ----------------------------------------------------------------------------


def read_as_another_application(streams: Streams, count: int, number: int = 0) -> list[str]:
    """The ids that its consumer gets next."""
    name = streams.name(number)
    (answer,) = streams.client.xreadgroup(GROUP, "an application", {name: ">"}, count=count)
    found = answer[1]
    return [entry_id.decode() for entry_id, _ in found]


def test_a_group_in_which_another_application_reads_is_told_and_never_moved(
    reach: Reach, join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirroring, "_AFTER_FAILURE", 0.1)
    client = reach()
    streams = Streams(client, 2)
    for number in range(2):
        streams.fill(range(1, 15), number)
    client.xgroup_create(streams.name(0), GROUP, "0-0")
    assert read_as_another_application(streams, 2) == ["1-0", "2-0"]
    member = join(reach(), streams)
    member.poll_until(
        lambda: [checkpoint(member, streams, n) for n in range(2)] == [at("14-0")] * 2,
        "both are applied",
    )
    member.poll_until(lambda: place(streams, 1) == at("14-0"), "the other stream's is shown")
    member.poll_until(lambda: len(member.membership.unmirrored_by) > 1, "it is told again")
    member.close()
    cause = member.membership.unmirrored_by[0]
    assert isinstance(cause, Misconfigured)
    for words in (GROUP, str(streams.partition(0)), "another name", "mirror: false"):
        assert words in str(cause)
    assert str(streams.partition(1)) not in str(cause)
    assert read_as_another_application(streams, 1) == ["3-0"]
    client.close()


def test_without_workers_a_group_in_which_another_application_reads_is_not_moved_either(
    reach: Reach, streams: Streams
) -> None:
    streams.fill(range(1, 11))
    streams.fill(range(1, 11), 1)
    streams.client.xgroup_create(streams.name(), GROUP, "0-0")
    read_as_another_application(streams, 2)
    mirror = RedisMirror(reach(), group=GROUP)
    with pytest.raises(Misconfigured, match="mirror: false"):
        mirror.show({streams.partition(number): at("9-0") for number in range(2)})
    assert place(streams, 1) == at("9-0"), "the other stream's is shown"
    assert read_as_another_application(streams, 1) == ["3-0"]
    mirror.close()


# --- without workers -----------------------------------------------------------------------------


@pytest.mark.parametrize("offset", ["0-0", "11-0", "25-0", "40-0"])
def test_without_workers_the_group_is_put_where_the_checkpoints_are(
    reach: Reach, streams: Streams, offset: str
) -> None:
    streams.fill(range(1, 41))
    streams.keep(30)
    mirror = RedisMirror(reach(), group=GROUP)
    for _ in ("it is made", "it is moved"):
        mirror.show({streams.partition(): at(offset)})
        assert place(streams) == at(offset)
        assert lag(streams) == there_are_behind(streams, at(offset))
    mirror.close()
    mirror.close()


def test_streams_that_are_not_there_and_offsets_of_other_logs_are_left_out(
    reach: Reach, streams: Streams
) -> None:
    mirror = RedisMirror(reach(), group=GROUP)
    mirror.show({streams.partition(0): at("0-0"), streams.partition(1): IntOffset(5)})
    assert not streams.client.exists(streams.name())
    mirror.close()


def test_a_stream_that_went_away_meanwhile_has_no_group_and_the_others_have_theirs(
    reach: Reach, streams: Streams
) -> None:
    streams.fill([1, 2], 1)
    there = {streams.partition(number): Place(at("1-0"), 1) for number in range(2)}
    put(streams.client, GROUP, there)
    assert not streams.client.exists(streams.name(0))
    assert (place(streams, 1), lag(streams, 1)) == (at("1-0"), 1)


def test_without_workers_who_cannot_reach_redis_is_told() -> None:
    mirror = RedisMirror(connect("redis://127.0.0.1:1"), group=GROUP)
    with pytest.raises(Transient):
        mirror.show({Partition("orders", 0): at("1-0")})
    mirror.close()


# --- membership ----------------------------------------------------------------------------------


def test_who_is_in_the_lease_table_has_joined_though_there_is_no_stream_for_it(
    reach: Reach, join: Join, streams: Streams
) -> None:
    first = join(reach(), streams)
    assert not first.source.joined(), "it has said nothing yet"
    first.poll_until(first.claimed, "it claims")
    assert first.source.joined()
    second = join(reach(), streams)
    second.poll()
    assert second.source.joined()
    assert second.claimed() == set()
    second.close()
    assert not second.source.joined()
    assert first.source.joined()


def test_who_was_not_heard_for_a_lease_has_not_joined(
    own_valkey: Callable[..., Valkey], join: Join
) -> None:
    server = own_valkey()
    streams = Streams(connect(server.url))
    member = join(connect(server.url), streams)
    member.poll_until(member.source.joined, "it joins")
    server.kill()
    eventually(lambda: not member.source.joined(), "its lease is over")
    server.start()
    member.poll_until(member.source.joined, "it joins again")
    member.close()
    streams.client.close()
