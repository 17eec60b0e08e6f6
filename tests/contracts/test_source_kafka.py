"""The Kafka source against a real broker: where it starts, what it hands out, and what it never does."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from consumer.adapters.kafka.event_log import KafkaEventLog
from consumer.adapters.kafka.identity import topic_ids
from consumer.adapters.kafka.source import KafkaSource
from consumer.embedded.kafka import Kafka
from consumer.errors import AnotherLog, Misconfigured, SourceFailed, Transient
from consumer.model.position import Claim, IntOffset, Offset, Partition
from consumer.model.start import Start
from tests.contracts.kafka_room import Broker, Member, Recording, compacted, eventually, poll_all
from tests.contracts.test_publisher_kafka import Plain
from tests.servers import KafkaServer

Join = Callable[..., Member]


@pytest.fixture
def broker(kafka: KafkaServer) -> Broker:
    return Broker(kafka.bootstrap)


@pytest.fixture
def join(broker: Broker) -> Iterator[Join]:
    members: list[Member] = []

    def joined(
        topic: str, membership: Recording | None = None, *, group: str = "", **config: Any
    ) -> Member:
        batch_size = config.pop("batch_size", 500)
        given = {**broker.config, **{key.replace("_", "."): v for key, v in config.items()}}
        source = KafkaSource(
            {key: value for key, value in given.items() if value is not None},
            topics=[topic],
            group=group or f"g-{uuid.uuid4().hex[:12]}",
            batch_size=batch_size,
        )
        member = Member(source, membership or Recording())
        members.append(member)
        member.source.open(member.membership)
        return member

    yield joined
    for member in members:
        member.source.close()


NEW_PROTOCOL = {
    "group_protocol": "consumer",
    "session_timeout_ms": None,
    "heartbeat_interval_ms": None,
}


@pytest.fixture(params=["classic", "consumer"])
def protocol(request: pytest.FixtureRequest) -> dict[str, Any]:
    return NEW_PROTOCOL if request.param == "consumer" else {}


# --- where it starts -----------------------------------------------------------------------------


def test_a_projection_that_never_ran_reads_everything_from_the_beginning(
    broker: Broker, join: Join, protocol: dict[str, Any]
) -> None:
    topic = broker.topic(2)
    broker.fill(topic, 30, number=0)
    broker.fill(topic, 20, number=1)
    member = join(topic, **protocol)
    member.poll_until(lambda: len(member.values()) == 50, "everything was read")
    assert member.values(0) == list(range(30))
    assert member.values(1) == list(range(20))


def test_a_partition_is_read_from_behind_its_checkpoint_exactly(
    broker: Broker, join: Join, protocol: dict[str, Any]
) -> None:
    topic = broker.topic(2)
    broker.fill(topic, 30, number=0)
    broker.fill(topic, 30, number=1)
    member = join(topic, Recording({0: 9, 1: 28}), **protocol)
    member.poll_until(lambda: len(member.values()) == 21, "the rest was read")
    assert member.offsets(0) == list(range(10, 30))
    assert member.offsets(1) == [29]


def test_nothing_is_handed_out_before_the_claim_and_a_refused_claim_is_asked_again(
    broker: Broker, join: Join
) -> None:
    topic = broker.topic(1)
    broker.fill(topic, 10)
    member = join(topic, Recording({0: 4}, refusals=5))
    asked = member.membership.asked
    member.poll_until(lambda: len(asked) == 5, "the claim was asked for again and again")
    assert member.fetched == []
    assert not member.source.owns(Partition(topic, 0))
    member.poll_until(member.values, "the claim was granted")
    assert member.offsets() == [5, 6, 7, 8, 9]


def test_a_claim_that_always_fails_never_falls_back_to_the_groups_own_offset(
    broker: Broker, join: Join
) -> None:
    topic, group = broker.topic(1), f"g-{uuid.uuid4().hex[:12]}"
    broker.fill(topic, 10)
    _commit_to_kafka(broker, group, topic, 3)
    member = join(topic, Recording(refusals=-1), group=group)
    member.poll_until(lambda: len(member.membership.asked) >= 10, "it was asked for ten times")
    assert member.fetched == []


def test_the_first_offset_comes_from_the_start_policy(broker: Broker, join: Join) -> None:
    topic = broker.topic(1, retention_ms=-1)
    broker.fill(topic, 5, timestamp=1_000_000)
    broker.fill(topic, 5, first=5, timestamp=2_000_000)
    _commit_to_kafka(broker, "predecessor-" + topic, topic, 7)

    def first_of(start: Start) -> list[int]:
        member = join(topic, Recording(start=start))
        member.poll_until(lambda: member.membership.claims, f"claimed from {start}")
        member.poll_until(lambda: member.through() == 9 or start.at == "end", "read to the end")
        (claim,) = member.membership.claims.values()
        member.source.close()
        return [int(str(claim.offset)), *member.values()[:1]]

    assert first_of(Start("beginning")) == [-1, 0]
    assert first_of(Start("end")) == [9]
    assert first_of(Start("time", time=datetime.fromtimestamp(1500, UTC))) == [4, 5]
    assert first_of(Start("group", group="predecessor-" + topic)) == [6, 7]


def test_a_time_after_the_last_record_starts_at_the_end_and_an_unknown_group_at_the_beginning(
    broker: Broker, join: Join
) -> None:
    topic = broker.topic(1)
    broker.fill(topic, 5)
    broker.cut(topic, 0, 2)
    after = join(topic, Recording(start=Start("time", time=datetime(2199, 1, 1, tzinfo=UTC))))
    after.poll_until(lambda: after.membership.claims, "claimed")
    unknown = join(topic, Recording(start=Start("group", group=f"never-{topic}")))
    unknown.poll_until(lambda: unknown.membership.claims, "claimed")
    assert str(after.membership.claims[Partition(topic, 0)].offset) == "4"
    assert str(unknown.membership.claims[Partition(topic, 0)].offset) == "1"


def test_the_place_of_a_group_on_a_cluster_that_never_had_one_is_the_beginning(
    own_kafka: Callable[..., Kafka],
) -> None:
    broker = Broker(own_kafka().bootstrap)
    partition = Partition(broker.topic(1), 0)
    log = KafkaEventLog(broker.config, topics=[partition.topic], codec=Plain())

    def before() -> Offset | None:
        try:
            return log.before(partition, Start("group", group="never"))
        except Transient:  # its coordinator comes up with the question
            return None

    with closing(log):
        eventually(lambda: before() == IntOffset(-1), "it is told, and nothing crashes")


def test_the_end_does_not_lie_beyond_an_open_transaction(broker: Broker, join: Join) -> None:
    topic = broker.topic(1)
    broker.fill(topic, 5)
    broker.transact(topic, b"open", commit=None)
    member = join(topic, Recording(start=Start("end")))
    member.poll_until(lambda: member.membership.claims, "claimed")
    assert str(member.membership.claims[Partition(topic, 0)].offset) == "4"


def test_the_log_is_known_by_cluster_and_topic_id_and_counts_its_partitions(
    broker: Broker, join: Join
) -> None:
    topic, other = broker.topic(3), broker.topic(1)
    one, two = join(topic), join(other)
    one.poll_until(lambda: len(one.membership.claims) == 3, "claimed")
    two.poll_until(lambda: two.membership.claims, "claimed")
    log, another = (
        one.membership.logs[Partition(topic, 0)],
        two.membership.logs[Partition(other, 0)],
    )
    assert log.partitions == 3
    cluster, _, topic_id = log.id.partition("/")
    assert cluster
    assert topic_id
    assert another.id.startswith(cluster + "/")
    assert another.id != log.id


# --- what it hands out ---------------------------------------------------------------------------


def test_a_record_is_handed_out_whole(broker: Broker, join: Join) -> None:
    topic = broker.topic(1, retention_ms=-1)
    headers = [("a", b"1"), ("a", None), ("ü", b"\xff")]
    broker.fill(topic, 1, key=b"\x00key", headers=headers, timestamp=1_700_000_000_123)
    broker.fill(topic, 1, first=1, key=None)
    member = join(topic)
    member.poll_until(lambda: len(member.values()) == 2, "read")
    whole, bare = [record for each in member.fetched for record in each.records]
    assert (whole.partition, whole.key, whole.value) == (Partition(topic, 0), b"\x00key", b"0")
    assert list(whole.headers) == headers
    assert whole.time == datetime(2023, 11, 14, 22, 13, 20, 123000, UTC)
    assert (bare.key, list(bare.headers), bare.fault) == (None, [], None)


def test_a_record_whose_header_has_no_readable_name_has_a_fault_and_the_others_are_whole(
    broker: Broker, join: Join
) -> None:
    topic = broker.topic(1)
    broker.fill(topic, 500, headers=[("a", b"1")])  # so many that the interpreter specialises
    broker.produce_raw_header(topic, b"\xff\xfe", b"500")
    broker.fill(topic, 500, first=501)
    member = join(topic, batch_size=2000)
    member.poll_until(lambda: len(member.values()) == 1001, "read")
    assert member.values() == list(range(1001))
    records = [record for each in member.fetched for record in each.records]
    faults = {int(str(record.offset)): record.fault for record in records if record.fault}
    assert faults == {500: "the name of a header is not UTF-8"}
    assert records[500].headers == ()
    assert all(list(record.headers) == [("a", b"1")] for record in records[:500])


def test_a_time_beyond_the_calendar_is_no_time(broker: Broker, join: Join) -> None:
    topic = broker.topic(1, retention_ms=-1, message_timestamp_after_max_ms=2**62)
    broker.fill(topic, 1, timestamp=10**15)
    member = join(topic)
    member.poll_until(lambda: member.values() == [0], "read")
    (record,) = member.fetched[0].records
    assert (record.time, record.fault) == (None, None)


def test_a_tombstone_is_a_record_without_value(broker: Broker, join: Join) -> None:
    topic = broker.topic(1)
    member = join(topic)
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": broker.bootstrap})
    producer.produce(topic, None, b"k")
    assert producer.flush(10) == 0
    member.poll_until(lambda: member.fetched and member.fetched[-1].records, "read")
    assert member.fetched[-1].records[0].value is None


def test_a_poll_takes_no_more_than_the_batch_size(broker: Broker, join: Join) -> None:
    topic = broker.topic(2)
    broker.fill(topic, 50, number=0)
    broker.fill(topic, 50, number=1)
    member = join(topic, batch_size=7)
    while len(member.values()) < 100:
        arrived = member.poll()
        assert sum(len(each.records) for each in arrived) <= 7
        numbers = [each.claim.partition.number for each in arrived]
        assert len(numbers) == len(set(numbers))
    assert member.values(0) == member.values(1) == list(range(50))


def test_transaction_markers_and_aborted_records_are_passed_so_that_nothing_is_left_to_read(
    broker: Broker, join: Join
) -> None:
    topic = broker.topic(1)
    broker.transact(topic, b"0", b"1")  # 0 1, marker 2
    broker.transact(topic, b"90", b"91", commit=False)  # 3 4, marker 5
    broker.transact(topic, b"2")  # 6, marker 7
    member = join(topic)
    member.poll_until(lambda: member.through() == 7, "the end was reached")
    assert member.values() == [0, 1, 2]
    assert member.offsets() == [0, 1, 6]
    broker.transact(topic, b"92", commit=False)  # 8, marker 9
    member.poll_until(
        lambda: member.through() == 9, "a transaction without records for us was passed"
    )
    assert member.fetched[-1].records == []
    member.poll(0.3)
    assert member.through() == 9


def test_a_partition_at_its_end_is_told_once(broker: Broker, join: Join) -> None:
    topic = broker.topic(1)
    broker.fill(topic, 3)
    member = join(topic, Recording({0: 2}))
    member.poll_until(lambda: member.membership.claims, "claimed")
    for _ in range(5):
        member.poll()
    assert member.fetched == []


def test_a_compacted_log_is_read_over_its_gaps_to_the_end(broker: Broker, join: Join) -> None:
    topic = broker.topic(
        1,
        cleanup_policy="compact",
        min_cleanable_dirty_ratio=0.01,
        segment_ms=100,
        delete_retention_ms=100,
        max_compaction_lag_ms=100,
    )
    broker.fill(topic, 20)
    time.sleep(0.2)  # a segment is rolled by time, and only with the next write
    broker.fill(topic, 1, first=20, key=b"other")
    eventually(compacted(broker, topic), "the log was compacted", 60)
    member = join(topic)
    member.poll_until(lambda: member.through() == 20, "the end was reached")
    offsets = member.offsets()
    assert offsets[-1] == 20
    assert offsets == sorted(offsets)
    assert len(offsets) < 21


# --- pausing, and keeping the membership ---------------------------------------------------------


def test_a_paused_partition_rests_while_others_flow_and_loses_nothing(
    broker: Broker, join: Join
) -> None:
    topic = broker.topic(2)
    broker.fill(topic, 100, number=0)
    broker.fill(topic, 100, number=1)
    member = join(topic, batch_size=10)
    member.poll_until(lambda: len(member.values(0)) >= 20, "both began")
    member.paused = {Partition(topic, 0)}
    before = len(member.values(0))
    member.poll_until(lambda: len(member.values(1)) == 100, "the other went on")
    assert len(member.values(0)) == before
    member.paused = set()
    member.poll_until(lambda: len(member.values(0)) >= 100, "it went on")
    assert member.values(0) == list(range(100))
    assert member.values(1) == list(range(100))


def test_pausing_and_resuming_at_every_poll_keeps_order_and_loses_nothing(
    broker: Broker, join: Join
) -> None:
    topic = broker.topic(2)
    broker.fill(topic, 60, number=0)
    broker.fill(topic, 60, number=1)
    member = join(topic, batch_size=7)
    turn = 0
    while len(member.values()) < 120:
        turn += 1
        assert turn < 500
        member.paused = {Partition(topic, turn % 2)}
        member.poll(0.1)
    assert member.values(0) == member.values(1) == list(range(60))


def test_what_is_not_taken_from_a_poll_comes_again(broker: Broker, join: Join) -> None:
    topic = broker.topic(4)
    for number in range(4):
        broker.fill(topic, 5, number=number)
    member = join(topic)
    member.poll_until(lambda: len(member.membership.claims) == 4, "claimed")
    taken: dict[int, list[int]] = {n: [] for n in range(4)}
    for each in member.fetched:
        taken[each.claim.partition.number] += [int(r.value or b"") for r in each.records]
    until = time.monotonic() + 20
    while sum(map(len, taken.values())) < 20:
        assert time.monotonic() < until, taken
        for each in member.source.poll((), 0.1):
            taken[each.claim.partition.number] += [int(r.value or b"") for r in each.records]
            break
    assert all(values == list(range(5)) for values in taken.values())


def test_slow_applies_between_two_steps_keep_the_membership(broker: Broker, join: Join) -> None:
    topic = broker.topic(3)
    member = join(topic, max_poll_interval_ms=6000, session_timeout_ms=6000)
    member.poll_until(lambda: len(member.membership.claims) == 3, "claimed")
    for number in range(3):
        broker.fill(topic, 5, number=number)
    seen: list[int] = []
    until = time.monotonic() + 30
    while len(seen) < 3:
        assert time.monotonic() < until
        for each in member.source.poll((), 0.5):
            if each.records:
                seen.append(each.claim.partition.number)
                time.sleep(2.5)  # three of them are longer than the poll interval
    assert sorted(seen) == [0, 1, 2]
    assert member.membership.told == []
    broker.fill(topic, 1, first=5)
    member.poll_until(lambda: member.values() == [5], "it goes on")


def test_who_is_too_slow_to_poll_is_told_that_the_partition_is_lost_and_gets_it_anew(
    broker: Broker, join: Join
) -> None:
    topic = broker.topic(1)
    broker.fill(topic, 5)
    member = join(topic, Recording({0: 1}), max_poll_interval_ms=6000, session_timeout_ms=6000)
    member.poll_until(member.values, "began")
    time.sleep(7)
    member.poll_until(lambda: member.membership.partitions("lost"), "lost")
    member.poll_until(lambda: member.membership.claims, "claimed anew")
    member.poll_until(lambda: len(member.values()) == 6, "read again from the checkpoint")
    assert member.values() == [2, 3, 4, 2, 3, 4]


# --- rebalances ----------------------------------------------------------------------------------


def test_two_members_share_and_hand_over_without_a_gap(
    broker: Broker, join: Join, protocol: dict[str, Any]
) -> None:
    topic, group = broker.topic(4), f"g-{uuid.uuid4().hex[:12]}"
    one = join(topic, group=group, **protocol)
    one.poll_until(lambda: len(one.owned(topic, 4)) == 4, "the first has all")
    for number in range(4):
        broker.fill(topic, 10, number=number)
    one.poll_until(lambda: len(one.values()) == 40, "the first read all")
    two = join(topic, Recording(dict.fromkeys(range(4), 9)), group=group, **protocol)
    poll_all(
        [one, two],
        lambda: len(one.owned(topic, 4)) == len(two.owned(topic, 4)) == 2,
        "each has two",
    )
    assert sorted(one.owned(topic, 4) + two.owned(topic, 4)) == [0, 1, 2, 3]
    assert len(one.membership.partitions("revoked")) == 2
    for number in range(4):
        broker.fill(topic, 5, number=number, first=10)
    poll_all([one, two], lambda: len(one.values()) + len(two.values()) == 60, "both read on")
    for number in two.owned(topic, 4):
        assert two.values(number) == [10, 11, 12, 13, 14]
    one.membership.checkpoints = dict.fromkeys(range(4), 14)
    two.source.close()
    assert len(two.membership.partitions("revoked")) == 2
    one.poll_until(lambda: len(one.owned(topic, 4)) == 4, "the first has all again")
    broker.fill(topic, 1, number=0, first=15)
    broker.fill(topic, 1, number=3, first=15)
    one.poll_until(lambda: 15 in one.values(0) and 15 in one.values(3), "reads all again")
    assert one.values(0).count(14) <= 1


def test_a_partition_paused_when_it_left_flows_when_it_comes_back(
    broker: Broker, join: Join
) -> None:
    topic, group = broker.topic(2), f"g-{uuid.uuid4().hex[:12]}"
    one = join(topic, group=group)
    one.poll_until(lambda: len(one.owned(topic, 2)) == 2, "the first has all")
    one.paused = {Partition(topic, 0), Partition(topic, 1)}
    one.poll()
    two = join(topic, group=group)
    poll_all([one, two], lambda: len(two.owned(topic, 2)) == 1, "one was handed over")
    two.source.close()
    one.paused = set()
    one.poll_until(lambda: len(one.owned(topic, 2)) == 2, "it came back")
    broker.fill(topic, 3, number=0)
    broker.fill(topic, 3, number=1)
    one.poll_until(lambda: len(one.values()) == 6, "both flow")


def test_a_partition_that_rests_stays_with_its_owner(
    broker: Broker, join: Join, protocol: dict[str, Any]
) -> None:
    topic, group = broker.topic(2), f"g-{uuid.uuid4().hex[:12]}"
    one, two = (join(topic, group=group, **protocol) for _ in range(2))
    poll_all([one, two], lambda: one.owned(topic, 2) and two.owned(topic, 2), "each has one")
    told = [list(one.membership.told), list(two.membership.told)]
    one.paused = two.paused = {Partition(topic, 0), Partition(topic, 1)}
    beats = time.monotonic() + (6 if protocol else 1)  # so that the client spoke to the group since
    poll_all([one, two], lambda: time.monotonic() > beats, "heartbeats")
    assert [one.membership.told, two.membership.told] == told
    broker.fill(topic, 2, number=0)
    broker.fill(topic, 2, number=1)
    one.paused = two.paused = set()
    poll_all([one, two], lambda: len(one.values()) == len(two.values()) == 2, "both read on")


def test_batches_in_hand_of_a_partition_that_was_revoked_meanwhile_are_not_handed_out(
    broker: Broker, join: Join
) -> None:
    topic, group = broker.topic(4), f"g-{uuid.uuid4().hex[:12]}"
    one = join(topic, group=group)
    one.poll_until(lambda: len(one.owned(topic, 4)) == 4, "the first has all")
    one.poll()
    for number in range(4):
        broker.fill(topic, 5, number=number)
    time.sleep(0.5)  # so that one poll brings them all; else the test proves nothing
    two = join(topic, Recording(refusals=-1), group=group)
    handed_out: list[Claim] = []
    until = time.monotonic() + 20
    while not handed_out:
        assert time.monotonic() < until
        for each in one.source.poll((), 1.0):
            assert each.claim is one.membership.claims.get(each.claim.partition)
            handed_out.append(each.claim)
            slow = time.monotonic() + (3 if len(handed_out) == 1 else 0)
            while time.monotonic() < slow:  # a slow apply, while the other member joins
                two.poll(0.05)
    assert len(one.owned(topic, 4)) == 2


def test_new_partitions_are_claimed_and_read_from_their_beginning(
    broker: Broker, join: Join
) -> None:
    topic = broker.topic(1)
    member = join(topic, topic_metadata_refresh_interval_ms=300, metadata_max_age_ms=300)
    member.poll_until(lambda: member.owned(topic, 1), "claimed")
    broker.grow(topic, 2)
    broker.fill(topic, 3, number=1)
    member.poll_until(lambda: member.values(1) == [0, 1, 2], "the new partition was read")
    assert member.membership.logs[Partition(topic, 1)].partitions == 2


def test_closing_tells_the_membership_before_anything_else_and_may_be_repeated(
    broker: Broker, join: Join
) -> None:
    topic = broker.topic(2)
    member = join(topic)
    member.poll_until(lambda: len(member.owned(topic, 2)) == 2, "claimed")
    member.source.close()
    member.source.close()
    assert member.membership.told == [("revoked", (Partition(topic, 0), Partition(topic, 1)))]
    assert member.owned(topic, 2) == []


def test_a_source_can_be_opened_again(broker: Broker, join: Join) -> None:
    topic = broker.topic(1)
    broker.fill(topic, 3)
    member = join(topic)
    member.poll_until(lambda: len(member.values()) == 3, "read")
    member.source.close()
    member.source.open(member.membership)
    member.poll_until(lambda: len(member.values()) == 6, "read again")


# --- out of range --------------------------------------------------------------------------------


def test_a_checkpoint_before_the_log_start_halts_the_partition_and_says_what_is_gone(
    broker: Broker, join: Join
) -> None:
    topic = broker.topic(2)
    broker.fill(topic, 30, number=0)
    broker.fill(topic, 30, number=1)
    broker.cut(topic, 0, 20)
    member = join(topic, Recording({0: 4, 1: 4}))
    member.poll_until(lambda: member.membership.halted, "halted")
    why = str(member.membership.halted[Partition(topic, 0)])
    assert f"{topic}/0" in why
    assert "offset 4" in why
    assert "starts at 20" in why
    assert "15 offsets" in why
    member.poll_until(lambda: len(member.values(1)) == 25, "the other goes on")
    for _ in range(5):
        member.poll()
    assert member.values(0) == []


def test_a_checkpoint_beyond_the_end_halts_the_partition(broker: Broker, join: Join) -> None:
    topic = broker.topic(1)
    broker.fill(topic, 5)
    member = join(topic, Recording({0: 99}))
    member.poll_until(lambda: member.membership.halted, "halted")
    why = str(member.membership.halted[Partition(topic, 0)])
    assert "offset 99" in why
    assert "ends before 5" in why
    broker.fill(topic, 5, first=5)
    until = time.monotonic() + 2
    while time.monotonic() < until:
        member.poll()
    assert member.values() == []
    assert len(member.membership.halts) == 1, "it was halted once, and not read on"


def test_retention_that_overtakes_a_paused_reader_halts_it(broker: Broker, join: Join) -> None:
    topic = broker.topic(1)
    broker.fill(topic, 10)
    member = join(topic, batch_size=5)
    member.poll_until(member.values, "began")
    member.paused = {Partition(topic, 0)}
    member.poll()
    read = len(member.values())
    broker.cut(topic, 0, 10)
    broker.fill(topic, 5, first=10)
    member.paused = set()
    if read < 10:
        member.poll_until(lambda: member.membership.halted, "halted")
        assert max(member.values()) < 10


def test_one_wrong_answer_about_the_range_halts_nothing(
    broker: Broker, join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    from consumer.adapters.kafka import lost

    topic = broker.topic(1)
    broker.fill(topic, 30)
    broker.cut(topic, 0, 20)
    true, answers = lost.watermarks, iter([(0, 0)])
    monkeypatch.setattr(lost, "watermarks", lambda c, p: next(answers, None) or (0, true(c, p)[1]))
    member = join(topic, Recording({0: 4}))
    until = time.monotonic() + 3
    while time.monotonic() < until:
        member.poll()
    assert member.membership.halted == {}
    assert member.values() == []


# --- another log of the same name -----------------------------------------------------------------


@pytest.fixture
def asked_always(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that no test depends on how much of a second is over."""
    monkeypatch.setattr("consumer.adapters.kafka.another_log.AGAIN_SECONDS", 0.0)


@pytest.mark.usefixtures("asked_always")
def test_a_topic_made_anew_under_a_running_worker_halts_and_nothing_of_it_is_read(
    broker: Broker, join: Join, protocol: dict[str, Any]
) -> None:
    topic = broker.topic(1)
    broker.fill(topic, 5)
    member = join(topic, **protocol)
    member.poll_until(lambda: len(member.values()) == 5, "the old topic was read")
    broker.make_anew(topic)
    broker.fill(topic, 12, first=100)
    member.poll_until(lambda: member.membership.halted, "halted")
    broker.fill(topic, 2, first=200)
    until = time.monotonic() + 1
    while time.monotonic() < until:
        member.poll()
    assert member.values() == [0, 1, 2, 3, 4]
    assert isinstance(member.membership.halted[Partition(topic, 0)], AnotherLog)
    assert member.membership.halts == [Partition(topic, 0)], "it was told once"


@pytest.mark.usefixtures("asked_always")
def test_what_arrived_is_not_handed_out_if_it_is_another_log_by_then(
    broker: Broker, join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids: dict[str, str] = {}
    monkeypatch.setattr(
        "consumer.adapters.kafka.session.topic_ids", lambda *them: ids or topic_ids(*them)
    )
    topic = broker.topic(1)
    member = join(topic)
    member.poll_until(lambda: member.membership.claims, "claimed")
    ids[topic] = "another"
    broker.fill(topic, 5)
    assert member.poll(5.0) == []  # it ends when the first record is there
    assert member.membership.halts == [Partition(topic, 0)]
    assert member.poll(0.5) == []


def test_a_topic_made_anew_while_nothing_comes_halts(broker: Broker, join: Join) -> None:
    topic = broker.topic(1)
    member = join(topic)
    member.poll_until(lambda: member.membership.claims, "claimed")
    broker.make_anew(topic)
    member.poll_until(lambda: member.membership.halted, "halted")
    why = str(member.membership.halted[Partition(topic, 0)])
    assert repr(member.membership.logs[Partition(topic, 0)].id) in why
    assert "was made anew" in why


@pytest.mark.usefixtures("asked_always")
def test_brokers_that_do_not_tell_which_log_it_is_hold_up_nothing(
    broker: Broker, join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = AdminClient({"bootstrap.servers": "127.0.0.1:1"})
    monkeypatch.setattr(
        "consumer.adapters.kafka.session.topic_ids", lambda _admin, them: topic_ids(nobody, them)
    )
    topic = broker.topic(1)
    broker.fill(topic, 30)
    member = join(topic, batch_size=1)
    began = time.monotonic()
    member.poll_until(lambda: len(member.values()) == 30, "everything was read")
    assert time.monotonic() - began < 20, "nobody waited for an answer at each poll"


# --- trouble -------------------------------------------------------------------------------------


def test_an_unknown_topic_is_misconfigured_and_the_error_says_how_to_make_it(join: Join) -> None:
    name = f"absent-{uuid.uuid4().hex[:8]}"
    with pytest.raises(Misconfigured, match=rf"--create --topic {name}"):
        join(name)


def test_no_broker_is_a_source_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consumer.adapters.kafka.client.CONNECT_SECONDS", 1.5)
    source = KafkaSource({"bootstrap.servers": "127.0.0.1:1"}, topics=["t"], group="g")
    with pytest.raises(SourceFailed, match=r"127\.0\.0\.1:1.*refused"):
        source.open(Recording())
    source.close()


def test_a_refused_password_is_misconfigured_in_one_line_without_the_password(
    broker: Broker,
) -> None:
    config = {
        "bootstrap.servers": broker.bootstrap,
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "PLAIN",
        "sasl.username": "someone",
        "sasl.password": "hunter2-secret",
    }
    source = KafkaSource(config, topics=["t"], group="g")
    with pytest.raises(Misconfigured, match="no way into Kafka") as caught:
        source.open(Recording())
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_members_that_share_the_group_in_another_way_are_misconfigured_and_it_says_what_to_do(
    broker: Broker, join: Join
) -> None:
    topic, group = broker.topic(1), f"g-{uuid.uuid4().hex[:12]}"
    other = Consumer({**broker.config, "group.id": group, "partition.assignment.strategy": "range"})
    other.subscribe([topic])
    eventually(lambda: other.poll(0.1) or other.assignment(), "the other member has the group")
    member = join(topic, group=group)
    with pytest.raises(Misconfigured, match=r"Inconsistent group protocol.*`group` of its own"):
        member.poll_until(lambda: False, "it was refused")
    other.close()


def _commit_to_kafka(broker: Broker, group: str, topic: str, offset: int) -> None:
    client = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": group})
    client.commit(offsets=[TopicPartition(topic, 0, offset)], asynchronous=False)
    client.close()
