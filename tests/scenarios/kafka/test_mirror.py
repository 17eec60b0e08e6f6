"""The group's own offsets follow the checkpoints while workers come and go, and disturb nobody."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing

import pytest

from consumer.adapters.kafka.mirror import KafkaMirror
from consumer.model.position import IntOffset, Partition
from tests.contracts.kafka_room import described
from tests.fleet import eventually
from tests.scenarios.kafka.story import Begin, Story
from tests.scenarios.kafka.test_rebalance import a_second_worker_comes_and_goes


def next_ones(story: Story) -> Mapping[Partition, int]:
    found = {each: story.fleet.checkpoint(each) for each in story.partitions}
    return {each: int(str(offset)) + 1 for each, offset in found.items() if offset is not None}


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_a_rebalance_with_mirrors_under_way_loses_and_repeats_nothing(
    begin: Begin, protocol: str
) -> None:
    config = {"group.protocol": "consumer"} if protocol == "consumer" else None
    with begin(config=config) as story:
        a_second_worker_comes_and_goes(story)
        fleet = story.fleet
        assert fleet.findings().wrong() == {}
        assert fleet.findings().repeated == []
        shown = story.broker.shown
        eventually(lambda: shown(story.group) == next_ones(story), "the group shows it all")


def test_after_a_graceful_stop_kafkas_tool_shows_the_checkpoints(begin: Begin) -> None:
    with begin() as story:
        worker = story.fleet.spawn()
        with story.publishing(400):
            eventually(lambda: story.fleet.applied() > 200, "it applies")
            assert worker.stop() == 0
        told = described(story.broker.bootstrap, story.group)
        assert {each: row.current for each, row in told.items()} == next_ones(story)


def test_a_wrong_group_moves_no_worker(begin: Begin) -> None:
    with begin() as story:
        story.publish_everywhere(30)
        with closing(KafkaMirror(story.broker.config, group=story.group)) as mirror:
            mirror.show({each: IntOffset(19) for each in story.partitions})
        story.fleet.spawn()
        eventually(story.fleet.everything_is_committed, "everything is applied")
        assert story.fleet.findings().wrong() == {}
        shown = story.broker.shown
        eventually(lambda: shown(story.group) == next_ones(story), "and the group is put right")


def test_a_projection_that_is_told_not_to_shows_nothing(begin: Begin) -> None:
    with begin(source={"mirror": False}) as story:
        story.publish_everywhere(10)
        worker = story.fleet.spawn()
        eventually(story.fleet.everything_is_committed, "everything is applied")
        assert worker.stop() == 0
        assert story.broker.shown(story.group) == {}
