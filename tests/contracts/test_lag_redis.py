"""What lies behind offsets in streams, counted beside it by reading them, on real servers and a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from consumer.adapters.codecs.cloudevents import CloudEvents
from consumer.adapters.redis import lags
from consumer.adapters.redis.connection import Client, connect
from consumer.adapters.redis.event_log import RedisStreamLog
from consumer.adapters.redis.ids import ZERO
from consumer.adapters.redis.own_groups import mark
from consumer.embedded.valkey import Valkey
from consumer.errors import Misconfigured, Transient
from consumer.model.lag import NO_LAG, Lag
from consumer.model.position import IntOffset, Offset, Partition
from consumer.model.start import Start
from tests.contracts.redis_room import Streams, at

ALL = ["valkey", "redis_70", "redis_62", "valkey_cluster"]


@pytest.fixture(params=ALL)
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    server = request.getfixturevalue(request.param)
    made = connect(server.url, cluster=request.param == "valkey_cluster")
    yield made
    made.close()


@pytest.fixture
def streams(client: Client) -> Streams:
    return Streams(client)


only_where_counted = pytest.mark.parametrize(
    "client", ["valkey", "redis_70", "valkey_cluster"], indirect=True
)


def lag(streams: Streams, offset: str, number: int = 0) -> Lag | None:
    partition = streams.partition(number)
    return log_of(streams).lag({partition: at(offset)}).get(partition)


def log_of(streams: Streams) -> RedisStreamLog:
    return RedisStreamLog(streams.client, topics=[streams.topic], codec=CloudEvents())


def there_is_behind(streams: Streams, offset: str, number: int = 0) -> Lag:
    """Counted by reading all of it."""
    found: list[Any] = streams.client.xrange(streams.name(number), min=f"({offset}")
    if not found:
        return NO_LAG
    milliseconds = int(found[0][0].split(b"-")[0])
    return Lag(len(found), datetime.fromtimestamp(milliseconds / 1000, UTC))


# --- stuck, and disturbed ------------------------------------------------------------------------


def test_where_nobody_works_everything_behind_the_checkpoint_counts_from_its_first_event(
    streams: Streams,
) -> None:
    streams.fill(range(1_000, 1_050))
    for offset in ("0-0", "999-0", "1000-0", "1017-0", "1048-0"):
        assert lag(streams, offset) == there_is_behind(streams, offset)
    assert lag(streams, "1017-0") == Lag(32, datetime.fromtimestamp(1.018, UTC))


def test_what_was_trimmed_does_not_count_whether_it_was_applied_or_not(streams: Streams) -> None:
    streams.fill(range(1, 51))
    streams.keep(20)
    for offset in ("0-0", "5-0", "30-0", "31-0", "40-0"):
        assert lag(streams, offset) == there_is_behind(streams, offset)


def test_what_was_deleted_in_the_middle_does_not_count(streams: Streams) -> None:
    streams.fill(range(1, 51))
    streams.client.xdel(streams.name(), "10-0", "20-0", "21-0", "30-0")
    for offset in ("0-0", "5-0", "10-0", "20-0", "25-0", "30-0", "40-0"):
        assert lag(streams, offset) == there_is_behind(streams, offset)


def test_where_all_that_is_left_was_deleted_or_trimmed_there_is_no_lag(streams: Streams) -> None:
    streams.fill(range(1, 11))
    streams.client.xdel(streams.name(), "9-0", "10-0")
    assert lag(streams, "8-0") == NO_LAG
    streams.keep(0)
    assert lag(streams, "3-0") == NO_LAG


def test_an_offset_beyond_what_was_ever_added_cannot_be_told_of(streams: Streams) -> None:
    streams.fill([1, 2])
    assert lag(streams, "9-0") is None
    streams.client.delete(streams.name())
    assert lag(streams, "2-0") is None


def test_an_offset_of_another_kind_of_log_cannot_be_told_of(streams: Streams) -> None:
    streams.fill([1])
    assert log_of(streams).lag({streams.partition(): IntOffset(5)}) == {}


def test_a_key_that_is_no_stream_is_for_a_person(streams: Streams) -> None:
    streams.client.set(streams.name(), "something else")
    with pytest.raises(Misconfigured, match=streams.topic):
        lag(streams, "1-0")


def test_a_server_that_is_away_is_waited_for() -> None:
    log = RedisStreamLog(connect("redis://127.0.0.1:1"), topics=["orders"], codec=CloudEvents())
    with pytest.raises(Transient):
        log.lag({Partition("orders", 0): ZERO})


# --- groups --------------------------------------------------------------------------------------


def test_a_backlog_too_long_to_count_is_never_none_and_never_too_long(
    streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams.fill(range(1, 301))
    monkeypatch.setattr(lags, "_COUNTED_AT_MOST", 1)
    for offset in ("100-0", "299-0"):
        found = lag(streams, offset)
        assert found is not None
        assert 1 <= found.events <= there_is_behind(streams, offset).events
        assert found.oldest == there_is_behind(streams, offset).oldest


@only_where_counted
@pytest.mark.parametrize("offset", ["150-0", "152-0", "145-0"])
def test_a_group_near_the_checkpoint_tells_the_length_of_a_long_one(
    streams: Streams, monkeypatch: pytest.MonkeyPatch, offset: str
) -> None:
    streams.fill(range(1, 301))
    streams.client.xgroup_create(streams.name(), "group", "150-0", entries_read=150)
    mark(streams.client, [streams.topic], "group")
    streams.client.xgroup_create(streams.name(), "a new one", "0-0")
    monkeypatch.setattr(lags, "_COUNTED_AT_MOST", 20)
    assert lag(streams, offset) == there_is_behind(streams, offset)


@only_where_counted
def test_a_group_that_cannot_be_right_is_not_believed(streams: Streams) -> None:
    streams.fill(range(1, 31))
    streams.keep(20)
    streams.client.xgroup_create(streams.name(), "ahead", "15-0", entries_read=30)
    streams.client.xgroup_create(streams.name(), "behind", "20-0", entries_read=0)
    streams.client.xgroup_create(streams.name(), "before", "5-0", entries_read=5)
    for group in ("ahead", "behind", "before"):
        mark(streams.client, [streams.topic], group)
    for offset in ("15-0", "20-0", "25-0"):
        assert lag(streams, offset) == there_is_behind(streams, offset)


@only_where_counted
@pytest.mark.parametrize("claims_to_be_ours", [False, True])
def test_a_group_of_others_tells_nothing_wherever_it_stands(
    streams: Streams, *, claims_to_be_ours: bool
) -> None:
    streams.fill(range(1_000, 11_000, 1_000))
    streams.client.xgroup_create(streams.name(), "other", "3000-0", entries_read=9)
    if claims_to_be_ours:  # its name is a projection's, and somebody else reads in it
        mark(streams.client, [streams.topic], "other")
        streams.client.xgroup_createconsumer(streams.name(), "other", "an application")
    for offset in ("3000-0", "4000-0", "2000-0"):
        assert lag(streams, offset) == there_is_behind(streams, offset)


def test_a_backlog_of_many_pages_is_counted_to_its_end(streams: Streams) -> None:
    pipeline = streams.client.pipeline()
    for value in range(1, 9_001):
        pipeline.xadd(streams.name(), {"data": "1"}, id=f"{value}-0")
    pipeline.execute()
    for offset in ("3000-0", "8500-0", "100-0"):
        assert lag(streams, offset) == there_is_behind(streams, offset)


# --- idle, and many ------------------------------------------------------------------------------


def test_where_everything_is_applied_there_is_no_lag(streams: Streams) -> None:
    assert lag(streams, "0-0") == NO_LAG, "nothing was ever added"
    streams.fill([1, 2, 3])
    assert lag(streams, "3-0") == NO_LAG


def test_an_id_that_is_no_time_has_none(streams: Streams) -> None:
    streams.add(1, entry_id="9999999999999999999-0")
    assert lag(streams, "0-0") == Lag(1, None)


def test_many_partitions_are_told_of_at_once_each_from_its_offset(client: Client) -> None:
    streams = Streams(client, 40)
    for number in range(40):
        streams.fill(range(1, number + 2), number)
    offsets: dict[Partition, Offset] = {
        streams.partition(number): at(f"{number // 2}-0") for number in range(40)
    }
    assert log_of(streams).lag(offsets) == {
        partition: there_is_behind(streams, str(offset), partition.number)
        for partition, offset in offsets.items()
    }
    assert log_of(streams).lag({}) == {}


def test_a_look_at_300_partitions_is_no_round_trip_for_each(
    own_valkey: Callable[..., Valkey],
) -> None:
    client = connect(own_valkey().url)
    streams = Streams(client, 300)
    for number in range(300):
        streams.fill([1, 2, 3], number)

    def reads() -> int:
        return int(client.info("stats")["total_reads_processed"])

    before = reads()
    found = log_of(streams).lag({streams.partition(number): at("1-0") for number in range(300)})
    took = reads() - before
    assert {each.events for each in found.values()} == {2}
    assert took < 150, "what a server reads at once holds several commands"
    client.close()


# --- places --------------------------------------------------------------------------------------


def test_before_a_start_stands_what_a_projection_would_begin_behind(streams: Streams) -> None:
    streams.fill(range(1_000, 1_011))
    streams.client.xgroup_create(streams.name(), "old", "1003-0")

    def before(start: Start) -> Offset:
        return log_of(streams).before(streams.partition(), start)

    assert before(Start("end")) == at("1010-0")
    assert before(Start("group", group="old")) == at("1003-0")
    for start, first in ((Start("beginning"), 1_000), (since(1.005), 1_005)):
        found = streams.client.xrange(streams.name(), min=f"({before(start)}", count=1)
        assert found[0][0] == b"%d-0" % first
    with pytest.raises(Misconfigured, match="no consumer group none"):
        before(Start("group", group="none"))


def test_a_time_is_exact_to_the_millisecond_and_rounded_up(streams: Streams) -> None:
    streams.fill([2_006, 2_007, 2_008])  # 2.007 s times 1000 is a float above 2007

    def before(microseconds: int) -> Offset:
        time = datetime.fromtimestamp(2, UTC) + timedelta(microseconds=microseconds)
        return log_of(streams).before(streams.partition(), Start("time", time=time))

    assert before(7_000) == at("2007-0").previous
    assert before(7_001) == at("2008-0").previous


def since(seconds: float) -> Start:
    return Start("time", time=datetime.fromtimestamp(seconds, UTC))
