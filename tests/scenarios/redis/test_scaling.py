"""Workers come and go under load: the leases spread the streams, and nothing is lost on the way."""

from __future__ import annotations

from tests.fleet import eventually
from tests.ledger import BEFORE_APPLY
from tests.scenarios.redis.story import Begin
from tests.scenarios.telling import one_four_and_two_workers


def test_one_four_and_two_workers_under_load_lose_and_repeat_nothing(begin: Begin) -> None:
    with begin(streams=8) as story:
        one_four_and_two_workers(story, seconds_an_apply=0.01)
        found = story.fleet.findings()
        assert found.wrong() == {}
        assert found.repeated == []
        assert [worker.exit_code for worker in story.fleet.processes] == [0, 0, None, None]


def test_workers_that_share_entries_through_a_group_fail_it(begin: Begin) -> None:
    with begin(streams=1, naive="group", batch_size=3) as story:
        story.publish(1000)
        fleet = story.fleet
        fleet.hold(BEFORE_APPLY)
        slow, *others = [fleet.spawn() for _ in range(3)]
        for worker in (slow, *others):
            eventually(lambda worker=worker: fleet.held(worker), "each has entries in hand")
        slow.freeze()
        fleet.let_go()
        eventually(lambda: fleet.applied() > 900, "the others go on without it")
        slow.thaw()
        eventually(fleet.everything_is_applied, "everything is applied")
        assert fleet.findings().disordered
