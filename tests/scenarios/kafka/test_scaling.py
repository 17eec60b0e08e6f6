"""Many workers and many partitions: the group spreads them, and nothing is lost on the way."""

from __future__ import annotations

from tests.fleet import eventually
from tests.scenarios.kafka.story import Begin
from tests.scenarios.telling import one_four_and_two_workers


def test_one_four_and_two_workers_under_load_lose_and_repeat_nothing(begin: Begin) -> None:
    with begin(partitions=8) as story:
        one_four_and_two_workers(story)
        found = story.fleet.findings()
        assert found.wrong() == {}
        assert found.repeated == []
        assert [worker.exit_code for worker in story.fleet.processes] == [0, 0, None, None]


def test_workers_that_remember_the_offsets_of_their_start_fail_it(begin: Begin) -> None:
    with begin(partitions=8, naive="cached") as story:
        one_four_and_two_workers(story)
        found = story.fleet.findings()
        assert found.repeated
        assert found.disordered


def test_300_partitions_are_shared_by_two_workers_and_read_to_the_end(begin: Begin) -> None:
    with begin(partitions=300) as story:
        story.publish_everywhere(10)
        workers = [story.fleet.spawn(), story.fleet.spawn()]
        eventually(story.fleet.everything_is_applied, "everything is applied")
        story.publish_everywhere(1)
        eventually(story.fleet.everything_is_applied, "everything is applied")
        eventually(story.fleet.everything_is_committed, "everything is committed")
        assert story.fleet.findings().wrong() == {}
        assert [worker.stop() for worker in workers] == [0, 0]


def test_a_worker_that_begins_at_the_end_where_it_has_no_offset_fails_it(begin: Begin) -> None:
    with begin(partitions=300, naive="latest") as story:
        story.publish_everywhere(1)
        story.fleet.spawn()

        def later() -> bool:
            story.publish_everywhere(1)
            return story.fleet.applied() > 0

        eventually(later, "it applies what comes later")
        assert story.fleet.findings().lost
