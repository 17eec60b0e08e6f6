"""Logs whose end is no record: transaction markers and compaction end at lag 0 all the same."""

from __future__ import annotations

import subprocess
import time

import pytest

from tests.contracts.kafka_room import compacted
from tests.fleet import eventually
from tests.scenarios.kafka.story import Begin, Story, event

COMPACTED = {
    "cleanup_policy": "compact",
    "min_cleanable_dirty_ratio": 0.01,
    "segment_ms": 100,
    "max_compaction_lag_ms": 100,
}


def transactions_end_the_log(story: Story) -> None:
    for n in range(3):
        story.broker.transact(story.topic, event(n, "a"), event(n + 10, "b"))
    story.broker.transact(story.topic, event(99, "never"), commit=False)


def end_of(story: Story) -> int:
    from confluent_kafka import Consumer, TopicPartition

    client = Consumer({"bootstrap.servers": story.broker.bootstrap, "group.id": "ends"})
    _, high = client.get_watermark_offsets(TopicPartition(story.topic, 0), timeout=10)
    client.close()
    return int(high) - 1


def test_transaction_markers_leave_no_lag(begin: Begin) -> None:
    with begin(partitions=1) as story:
        transactions_end_the_log(story)
        assert story.fleet.caught_up() == 0
        assert story.fleet.applied() == 6
        assert str(story.fleet.checkpoint(story.partitions[0])) == str(end_of(story))


def test_a_worker_that_counts_to_the_high_watermark_is_never_done(begin: Begin) -> None:
    with begin(partitions=1, naive="contiguous") as story:
        transactions_end_the_log(story)
        worker = story.fleet.spawn()
        eventually(lambda: story.fleet.applied() == 6, "all is applied")
        with pytest.raises(subprocess.TimeoutExpired):
            worker.ended(2)


def compaction_leaves_gaps(story: Story) -> None:
    for n in range(30):
        story.broker.fill(story.topic, 1, key=b"one", value=event(n, "one"))
    time.sleep(0.2)  # a segment is rolled by time, and only with the next write
    story.broker.fill(story.topic, 1, key=b"two", value=event(31, "two"))
    eventually(compacted(story.broker, story.topic), "the log was compacted")


def test_a_compacted_log_is_read_to_its_end(begin: Begin) -> None:
    with begin(partitions=1, topic_config=COMPACTED) as story:
        compaction_leaves_gaps(story)
        assert story.fleet.caught_up() == 0
        assert 2 <= story.fleet.applied() < 31
        assert str(story.fleet.checkpoint(story.partitions[0])) == str(end_of(story)) == "30"


def test_a_worker_that_takes_offsets_without_gaps_for_granted_fails_it(begin: Begin) -> None:
    with begin(partitions=1, topic_config=COMPACTED, naive="gapless") as story:
        compaction_leaves_gaps(story)
        assert story.fleet.spawn().ended() != 0
