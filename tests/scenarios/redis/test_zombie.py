"""A worker is stopped past its lease, another takes over, and the first wakes up in its apply."""

from __future__ import annotations

from tests.fleet import Process, eventually
from tests.ledger import AFTER_APPLY, BEFORE_APPLY
from tests.scenarios.redis.story import Begin, Story


def a_worker_sleeps_past_its_lease_and_wakes(story: Story) -> Process:
    fleet = story.fleet
    story.publish(300)
    fleet.hold(AFTER_APPLY)
    zombie = fleet.spawn()
    eventually(lambda: fleet.held(zombie), "it has applied, and not committed")
    zombie.freeze()
    fleet.let_go()
    fleet.spawn()
    eventually(fleet.everything_is_applied, "another applied everything")
    eventually(fleet.everything_is_committed, "another committed everything")
    fleet.hold(BEFORE_APPLY)  # so that what the zombie writes can be seen
    zombie.thaw()
    return zombie


def test_a_zombies_commit_is_fenced_and_it_joins_again(begin: Begin) -> None:
    with begin() as story:
        zombie = a_worker_sleeps_past_its_lease_and_wakes(story)
        eventually(lambda: zombie.said("rejoining"), "it left, and joins again")
        story.fleet.let_go()
        assert "Fenced" in str(zombie.said("rejoining")[0])
        eventually(lambda: len(zombie.said("claimed")) >= 6, "it has its share again")
        seq = story.fleet.last_seq()
        story.publish(300)
        eventually(story.fleet.everything_is_applied, "everything is applied")
        eventually(story.fleet.everything_is_committed, "everything is committed")
        assert story.fleet.findings().wrong() == {}
        assert zombie.pid in story.fleet.workers_that_applied(seq)


def test_a_worker_that_notes_its_last_id_without_an_epoch_fails_it(begin: Begin) -> None:
    with begin(naive="last-id") as story:
        a_worker_sleeps_past_its_lease_and_wakes(story)
        eventually(lambda: story.fleet.findings().rewound, "the checkpoint went back")
