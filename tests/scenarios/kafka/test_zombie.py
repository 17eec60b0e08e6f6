"""A worker is stopped past its session, another takes over, and the first wakes up in its apply."""

from __future__ import annotations

from tests.fleet import Process, eventually
from tests.ledger import AFTER_APPLY
from tests.scenarios.kafka.story import Begin, Story


def a_worker_sleeps_past_its_session_and_wakes(story: Story) -> Process:
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
    zombie.thaw()
    return zombie


def test_a_zombies_commit_is_fenced_and_it_joins_again(begin: Begin) -> None:
    with begin() as story:
        zombie = a_worker_sleeps_past_its_session_and_wakes(story)
        eventually(lambda: zombie.said("rejoining"), "it left, and joins again")
        assert "Fenced" in str(zombie.said("rejoining")[0])
        story.publish(300)
        eventually(story.fleet.everything_is_applied, "everything is applied")
        eventually(story.fleet.everything_is_committed, "everything is committed")
        assert story.fleet.findings().wrong() == {}


def test_a_worker_that_writes_its_offset_without_an_epoch_fails_it(begin: Begin) -> None:
    with begin(naive="no-epoch") as story:
        a_worker_sleeps_past_its_session_and_wakes(story)
        eventually(lambda: story.fleet.findings().rewound, "the checkpoint went back")
