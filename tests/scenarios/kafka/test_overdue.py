"""An apply takes so long that the group gives its partitions to another worker, and would still write."""

from __future__ import annotations

from consumer.cli import exits
from tests.contracts.kafka_room import QUICK
from tests.fleet import Process, eventually
from tests.ledger import BEFORE_APPLY
from tests.scenarios.kafka.story import Begin, Story

#: The group waits 6 s for a poll; an apply may take 2 s.
SLOW = {**QUICK, "session.timeout.ms": 3000, "max.poll.interval.ms": 6000}


def an_apply_hangs_until_another_worker_has_its_partitions(story: Story) -> Process:
    """Returns the worker that hung; from here on it may write, if it can."""
    fleet = story.fleet
    story.publish(300)
    fleet.hold(BEFORE_APPLY)
    slow = fleet.spawn()
    eventually(lambda: fleet.held(slow), "its apply began")
    successor = fleet.spawn()
    eventually(lambda: fleet.held(successor), "the partitions went to another worker")
    fleet.let_go()
    return slow


def test_an_apply_past_its_limit_ends_its_process_so_that_no_late_write_lands(begin: Begin) -> None:
    with begin(config=SLOW, projection={"apply_seconds": 2}) as story:
        slow = an_apply_hangs_until_another_worker_has_its_partitions(story)
        assert slow.ended() == exits.OVERDUE
        (line,) = [line for line in slow.lines() if "apply_seconds" in line["event"]]
        assert f"{story.topic}/" in line["event"]
        eventually(story.fleet.everything_is_applied, "the other one applied everything")
        eventually(story.fleet.everything_is_committed, "and committed it")
        assert slow.pid not in story.fleet.workers_that_applied()
        assert story.fleet.findings().wrong() == {}
        assert story.fleet.findings().repeated == []
        assert story.fleet.late_writes() == []


def test_a_worker_without_a_limit_fails_it(begin: Begin) -> None:
    with begin(config=SLOW, naive="no-epoch") as story:
        slow = an_apply_hangs_until_another_worker_has_its_partitions(story)
        eventually(
            lambda: slow.pid in story.fleet.workers_that_applied(), "its late write has landed"
        )


def test_a_slow_retry_behind_a_slow_apply_keeps_its_place_in_the_group(begin: Begin) -> None:
    """Each of the two may take so long, and both together may not: the worker polls in between."""
    flaky = {"apply_seconds": 4.8, "projector": "tests.slow:Flaky"}
    with begin(config=SLOW, partitions=2, projection=flaky) as story:
        slow = story.fleet.spawn(seconds_an_apply=4)
        eventually(lambda: len(slow.said("claimed")) == 2, "it has both partitions")
        story.publish_everywhere(20)
        eventually(lambda: slow.said("waiting"), "the store is away")
        eventually(story.fleet.everything_is_committed, "everything is committed")
        assert slow.exit_code is None
        assert not slow.said("lost")
        assert story.fleet.findings().repeated == []


def test_one_event_after_the_other_that_the_projector_cannot_read_costs_no_partition(
    begin: Begin,
) -> None:
    """Ten of them in a batch, a second each: longer together than the group waits for a poll."""
    picky = {"apply_seconds": 4, "on_undecodable": "skip", "projector": "tests.slow:Picky"}
    with begin(config=SLOW, partitions=1, projection=picky) as story:
        slow = story.fleet.spawn(seconds_an_apply=0.01)
        eventually(lambda: slow.said("claimed"), "it has the partition")
        story.publish_everywhere(50)
        story.fleet.spawn()
        eventually(story.fleet.everything_is_committed, "everything is committed")
        assert len(slow.said("skipped")) == 10
        assert not slow.said("lost")
        assert story.fleet.late_writes() == []
        assert story.fleet.findings().repeated == []
