"""A checkpoint that the log does not hold halts its partition, says why, and lets the others go on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.fleet import Process, eventually
from tests.scenarios.kafka.story import Begin, Story


def retention_overtakes_one_partition(story: Story) -> None:
    story.publish(200)
    first = story.fleet.spawn()
    eventually(story.fleet.everything_is_committed, "the first events are committed")
    first.kill()
    story.publish(200)
    lost = story.partitions[0]
    end = len(story.fleet.expected[lost])
    story.broker.cut(story.topic, lost.number, end - 5)


def the_checkpoint_lies_beyond_the_end(story: Story) -> None:
    story.publish(200)
    story.set_checkpoint(story.partitions[0], 1_000_000)


def of_the_first_partition(story: Story) -> set[str]:
    return story.fleet.applied_offsets(story.partitions[0])


def test_retention_before_the_checkpoint_is_read_halts_that_partition_alone(begin: Begin) -> None:
    with begin() as story:
        retention_overtakes_one_partition(story)
        before = of_the_first_partition(story)
        worker = story.fleet.spawn("--until-caught-up")
        assert worker.ended() == 3
        assert "deleted by retention" in the_reason(worker)
        assert of_the_first_partition(story) == before
        others = story.partitions[1:]
        assert all(
            len(story.fleet.applied_offsets(each)) == len(story.fleet.expected[each])
            for each in others
        )


def test_a_checkpoint_beyond_the_end_halts_that_partition_alone(begin: Begin) -> None:
    with begin() as story:
        the_checkpoint_lies_beyond_the_end(story)
        worker = story.fleet.spawn()
        eventually(lambda: worker.said("halted"), "the partition halted")
        assert "beyond the end" in the_reason(worker)
        others = sum(len(story.fleet.expected[each]) for each in story.partitions[1:])
        eventually(lambda: story.fleet.applied() == others, "the others went on")
        assert of_the_first_partition(story) == set()
        assert worker.stop() == 0


@pytest.mark.parametrize(
    "happens", [retention_overtakes_one_partition, the_checkpoint_lies_beyond_the_end]
)
def test_a_worker_that_resets_to_the_earliest_jumps_without_a_word(
    begin: Begin, happens: Callable[[Story], None]
) -> None:
    with begin(naive="earliest") as story:
        happens(story)
        before = of_the_first_partition(story)
        story.fleet.spawn()
        eventually(lambda: of_the_first_partition(story) > before, "it jumped")


def the_reason(worker: Process) -> str:
    (halted,) = worker.said("halted")
    return str(halted["cause"])
