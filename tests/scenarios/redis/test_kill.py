"""kill -9 at the two dangerous places, before an apply and between apply and commit."""

from __future__ import annotations

from tests.fleet import eventually
from tests.scenarios.redis.story import Begin
from tests.scenarios.telling import (
    a_worker_is_killed_before_an_apply_and_another_before_its_commit,
)


def test_kill_9_repeats_what_was_not_committed_and_loses_nothing(begin: Begin) -> None:
    with begin() as story:
        a_worker_is_killed_before_an_apply_and_another_before_its_commit(story)
        eventually(story.fleet.everything_is_applied, "everything is applied")
        eventually(story.fleet.everything_is_committed, "everything is committed")
        found = story.fleet.findings()
        assert found.wrong() == {}
        assert 1 <= len(found.repeated) <= 50


def test_a_group_whose_pending_entries_nobody_claims_fails_it(begin: Begin) -> None:
    with begin(naive="group") as story:
        a_worker_is_killed_before_an_apply_and_another_before_its_commit(story)
        story.publish(97)
        last = {partition: max(them) for partition, them in story.fleet.expected.items() if them}
        eventually(
            lambda: all(
                str(offset) in story.fleet.applied_offsets(partition)
                for partition, offset in last.items()
            ),
            "the last events are applied",
        )
        assert story.fleet.findings().lost
