"""The lag on a real broker, beside what Kafka's own tool tells and what a plain reader finds."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from consumer.adapters.kafka.event_log import KafkaEventLog
from consumer.adapters.kafka.mirror import KafkaMirror
from consumer.errors import Transient
from consumer.model.event import Event
from consumer.model.lag import NO_LAG, Lag
from consumer.model.position import IntOffset, Partition, StreamOffset
from consumer.model.start import Start
from tests.contracts.kafka_room import Broker, Told, described, eventually
from tests.contracts.test_publisher_kafka import Plain
from tests.servers import KafkaServer

#: A reader sees records of then only where retention leaves them alone.
KEPT = {"retention_ms": -1}


@pytest.fixture
def broker(kafka: KafkaServer) -> Broker:
    return Broker(kafka.bootstrap)


class Watched:
    """A topic, a log on it, and a group that stands where the checkpoints do."""

    def __init__(self, broker: Broker, topic: str) -> None:
        self.broker, self.topic = broker, topic
        self.log = KafkaEventLog(broker.config, topics=[topic], codec=Plain())

    def lag(self, *offsets: int) -> list[Lag]:
        """Of the partitions in order."""
        found = self.log.lag(self.places(*offsets))
        return [found[partition] for partition in sorted(found)]

    def places(self, *offsets: int) -> Mapping[Partition, IntOffset]:
        return {Partition(self.topic, n): IntOffset(at) for n, at in enumerate(offsets)}

    def tool(self, *offsets: int) -> list[Told]:
        """What Kafka's tool tells of a group without members that stands there."""
        group = f"g-{uuid.uuid4().hex[:12]}"
        with closing(KafkaMirror(self.broker.config, group=group)) as mirror:
            mirror.show(self.places(*offsets))
        told = described(self.broker.bootstrap, group)
        return [told[partition] for partition in sorted(told)]


@pytest.fixture
def watched(broker: Broker) -> Iterator[Watched]:
    made = Watched(broker, broker.topic(2, **KEPT))
    yield made
    made.log.close()


def at(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def test_no_broker_is_transient() -> None:
    log = KafkaEventLog({"bootstrap.servers": "127.0.0.1:1"}, topics=["t"], codec=Plain())
    with closing(log), pytest.raises(Transient):
        log.lag({Partition("t", 0): IntOffset(3)})


def test_what_does_not_exist_or_is_no_place_in_kafka_is_left_out(watched: Watched) -> None:
    watched.broker.fill(watched.topic, 5)
    first, second, third = (Partition(watched.topic, n) for n in range(3))
    nowhere = Partition(f"no-{watched.topic}", 0)
    found = watched.log.lag(
        {
            first: IntOffset(4),
            second: StreamOffset(1, 2),
            third: IntOffset(1),
            nowhere: IntOffset(1),
        }
    )
    assert found == {first: NO_LAG}
    assert watched.log.lag({}) == {}
    with pytest.raises(Transient):
        watched.log.lag({nowhere: IntOffset(1)})


def test_a_checkpoint_beyond_the_end_is_left_out_where_kafkas_tool_tells_a_negative_lag(
    watched: Watched,
) -> None:
    watched.broker.fill(watched.topic, 5)
    assert watched.log.lag(watched.places(11, -1)) == {Partition(watched.topic, 1): NO_LAG}
    assert [told.lag for told in watched.tool(11, -1)] == [-7, 0]
    assert watched.lag(4, -1) == [NO_LAG, NO_LAG]


def test_lag_is_what_kafkas_tool_and_a_plain_reader_tell_with_no_worker_alive(
    watched: Watched,
) -> None:
    broker, topic = watched.broker, watched.topic
    for n in range(10):
        broker.fill(topic, 1, first=n, timestamp=1_000_000 + n)
    broker.fill(topic, 7, number=1, timestamp=2_000_000)
    for offsets in ((3, -1), (9, 5), (9, 6), (-1, -1)):
        found, told = watched.lag(*offsets), watched.tool(*offsets)
        assert [lag.events for lag in found] == [each.lag for each in told]
        ends = [broker.end(topic, n) for n in range(2)]
        assert [lag.events for lag in found] == [
            end - 1 - offset for end, offset in zip(ends, offsets, strict=True)
        ]
    assert watched.lag(3, -1) == [Lag(6, at(1_000_004)), Lag(7, at(2_000_000))]
    assert watched.lag(9, 6) == [NO_LAG, NO_LAG]


def test_the_lag_of_a_stuck_projector_grows_and_its_oldest_event_stays(watched: Watched) -> None:
    broker, topic = watched.broker, watched.topic
    broker.fill(topic, 5, timestamp=1_000_000)
    assert watched.lag(2, -1) == [Lag(2, at(1_000_000)), NO_LAG]
    broker.fill(topic, 5, timestamp=3_000_000)
    assert watched.lag(2, -1) == [Lag(7, at(1_000_000)), NO_LAG]
    assert watched.lag(4, -1) == [Lag(5, at(3_000_000)), NO_LAG]
    assert watched.lag(9, -1) == [NO_LAG, NO_LAG]
    broker.fill(topic, 1, timestamp=4_000_000)
    assert watched.lag(9, -1) == [Lag(1, at(4_000_000)), NO_LAG]


def test_behind_the_last_event_transaction_markers_are_counted_but_nothing_is_old(
    watched: Watched,
) -> None:
    broker, topic = watched.broker, watched.topic
    broker.transact(topic, b"1", b"2")
    eventually(lambda: broker.end(topic) == 3, "the marker is behind the events")
    end = 3
    assert watched.lag(1, -1) == [Lag(1, None), NO_LAG]
    assert watched.lag(end - 1, -1) == [NO_LAG, NO_LAG]
    assert [told.lag for told in watched.tool(end - 1, -1)] == [0, 0]


def test_aborted_events_are_not_what_is_oldest(watched: Watched) -> None:
    broker, topic = watched.broker, watched.topic
    broker.transact(topic, b"1", b"2", commit=False)
    broker.fill(topic, 1, timestamp=1_000_000)
    eventually(lambda: broker.end(topic) == 4, "all of it can be read")
    (first, _) = watched.lag(-1, -1)
    assert first == Lag(4, at(1_000_000))
    assert watched.tool(-1, -1)[0].lag == first.events


def test_behind_an_open_transaction_all_counts_and_the_end_is_where_it_begins(
    watched: Watched,
) -> None:
    broker, topic = watched.broker, watched.topic
    broker.fill(topic, 3, timestamp=1_000_000)
    before = datetime.now(UTC)
    producer = broker.transact(topic, b"1", b"2", commit=None)
    broker.fill(topic, 20, timestamp=2_000_000)
    (first, _) = watched.lag(2, -1)
    assert first.events == watched.tool(2, -1)[0].lag == 22
    assert first.oldest is not None
    assert abs(first.oldest - before) < timedelta(minutes=1), "the time of what is waited for"
    assert watched.lag(0, -1) == [Lag(24, at(1_000_000)), NO_LAG], "what can be read comes first"
    assert watched.log.ends()[Partition(topic, 0)] == IntOffset(2), "no more can be applied now"
    producer.abort_transaction(20)
    eventually(lambda: broker.end(topic) == 26, "the abort reached the partition")
    assert watched.lag(2, -1) == [Lag(23, at(2_000_000)), NO_LAG]


def test_where_retention_passed_the_checkpoint_the_oldest_is_the_first_that_is_left(
    watched: Watched,
) -> None:
    broker, topic = watched.broker, watched.topic
    for n in range(10):
        broker.fill(topic, 1, first=n, timestamp=1_000_000 + n)
    broker.cut(topic, 0, 6)
    assert watched.lag(2, -1) == [Lag(7, at(1_000_006)), NO_LAG]
    assert watched.tool(2, -1)[0].lag == 7
    broker.cut(topic, 0, 10)
    assert watched.lag(3, -1) == [Lag(6, None), NO_LAG]
    assert watched.lag(9, -1) == [NO_LAG, NO_LAG]


def test_an_age_that_is_not_told_in_time_is_never_none(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker, topic = watched.broker, watched.topic
    broker.fill(topic, 5, timestamp=1_000_000)
    with monkeypatch.context() as patch:
        patch.setattr("consumer.adapters.kafka.oldest._ROUND_SECONDS", 0.0)
        assert watched.log.lag(watched.places(1, -1)) == {Partition(topic, 1): NO_LAG}
    assert watched.lag(1, -1) == [Lag(3, at(1_000_000)), NO_LAG]
    broker.fill(topic, 5, timestamp=3_000_000)
    with monkeypatch.context() as patch:
        patch.setattr("consumer.adapters.kafka.oldest._ROUND_SECONDS", 0.0)
        assert watched.lag(4, -1) == [Lag(5, at(1_000_000)), NO_LAG]
    assert watched.lag(4, -1) == [Lag(5, at(3_000_000)), NO_LAG]


def test_many_partitions_are_told_together_however_large_their_batches(broker: Broker) -> None:
    topic = broker.topic(50, **KEPT)
    for number in range(50):
        broker.fill(topic, 30, number=number, value=b"x" * 2000, timestamp=1_000_000 + number)
    log = KafkaEventLog(broker.config, topics=[topic], codec=Plain())
    with closing(log):
        found = log.lag({Partition(topic, n): IntOffset(9) for n in range(50)})
    assert found == {Partition(topic, n): Lag(20, at(1_000_000 + n)) for n in range(50)}


def test_asking_for_the_lag_does_not_move_a_reader(watched: Watched) -> None:
    broker, topic = watched.broker, watched.topic
    broker.fill(topic, 9)
    partition = Partition(topic, 0)
    read: list[Event] = []
    for _ in range(3):
        after = read[-1].offset if read else None
        read += watched.log.read(partition, after, 3)
        watched.lag(0, 0)
    assert [str(event.offset) for event in read] == [str(n) for n in range(9)]


def test_ends_are_those_that_a_plain_reader_finds(watched: Watched) -> None:
    broker, topic = watched.broker, watched.topic
    broker.fill(topic, 3)
    broker.transact(topic, b"1", number=0)
    broker.transact(topic, b"1", number=1, commit=None)
    eventually(lambda: broker.end(topic) == 5, "the marker is behind the event")
    assert {p.number: int(str(end)) + 1 for p, end in watched.log.ends().items()} == {
        n: broker.end(topic, n) for n in range(2)
    }


def test_a_place_to_go_on_from_is_before_the_first_event_that_is_wanted(watched: Watched) -> None:
    broker, topic = watched.broker, watched.topic
    for n in range(10):
        broker.fill(topic, 1, first=n, timestamp=1_000_000 + n)
    broker.cut(topic, 0, 3)
    filled, empty = Partition(topic, 0), Partition(topic, 1)
    before = watched.log.before
    assert before(filled, Start("beginning")) == IntOffset(2)
    assert before(filled, Start("end")) == IntOffset(9)
    assert before(filled, Start("time", time=at(1_000_007))) == IntOffset(6)
    a_little_later = at(1_000_007) + timedelta(microseconds=1)
    assert before(filled, Start("time", time=a_little_later)) == IntOffset(7)
    assert before(empty, Start("beginning")) == before(empty, Start("end")) == IntOffset(-1)
