"""What a worker's partitions still lack, beside what Kafka's own tool tells of the mirrored group."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing

from consumer.adapters.codecs.cloudevents import CloudEvents
from consumer.adapters.kafka.event_log import KafkaEventLog
from consumer.model.lag import NO_LAG, Lag
from consumer.model.position import Offset, Partition
from tests.contracts.kafka_room import described
from tests.fleet import eventually
from tests.ledger import BEFORE_APPLY
from tests.scenarios.kafka.story import Begin, Story


def checkpoints(story: Story) -> Mapping[Partition, Offset]:
    found = {each: story.fleet.checkpoint(each) for each in story.partitions}
    return {each: offset for each, offset in found.items() if offset is not None}


def lag(story: Story) -> Mapping[Partition, Lag]:
    with closing(
        KafkaEventLog(story.broker.config, topics=[story.topic], codec=CloudEvents())
    ) as log:
        return log.lag(checkpoints(story))


def told_by_kafka(story: Story) -> Mapping[Partition, int]:
    return {each: told.lag for each, told in described(story.broker.bootstrap, story.group).items()}


def events(story: Story) -> Mapping[Partition, int]:
    return {each: found.events for each, found in lag(story).items()}


def test_lag_is_none_when_idle_and_true_when_the_projector_is_stuck(begin: Begin) -> None:
    with begin() as story:
        fleet = story.fleet
        story.publish_everywhere(20)
        worker = fleet.spawn()
        eventually(fleet.everything_is_committed, "it caught up")
        assert lag(story) == dict.fromkeys(story.partitions, NO_LAG)
        nothing = dict.fromkeys(story.partitions, 0)
        eventually(lambda: told_by_kafka(story) == nothing, "Kafka's tool tells the same")

        fleet.hold(BEFORE_APPLY)
        story.publish_everywhere(5)
        eventually(lambda: fleet.held(worker), "the projector is stuck")
        story.publish_everywhere(5)
        stuck = lag(story)
        assert {each: found.events for each, found in stuck.items()} == dict.fromkeys(
            story.partitions, 10
        )
        assert all(found.oldest is not None for found in stuck.values())
        assert lag(story) == stuck, "it stays the same event that is the oldest"
        assert told_by_kafka(story) == dict.fromkeys(story.partitions, 10)

        fleet.let_go()
        eventually(lambda: events(story) == nothing, "it caught up again")


def test_lag_is_true_after_transaction_markers_and_with_no_worker_alive(begin: Begin) -> None:
    with begin(partitions=1) as story:
        fleet, (partition,) = story.fleet, story.partitions
        story.publish_everywhere(10)
        # Nothing of it may be applied, and its markers lie behind the last event.
        story.broker.transact(story.topic, b"not to be read", commit=False)
        worker = fleet.spawn()
        eventually(lambda: events(story) == {partition: 0}, "the checkpoint is behind the marker")
        assert worker.stop() == 0
        assert told_by_kafka(story) == {partition: 0}
        story.publish_everywhere(7)
        assert events(story) == told_by_kafka(story) == {partition: 7}
