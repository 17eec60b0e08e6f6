"""SIGTERM in the middle of an apply: the batch is finished and committed, and nothing is repeated."""

from __future__ import annotations

from tests.fleet import eventually
from tests.ledger import AFTER_APPLY
from tests.scenarios.kafka.story import Begin, Story


def a_worker_is_told_to_stop_in_its_apply(story: Story) -> int:
    fleet = story.fleet
    story.publish(500)
    fleet.hold(AFTER_APPLY)
    worker = fleet.spawn()
    eventually(lambda: fleet.held(worker), "it is in its apply")
    worker.terminate()
    fleet.let_go()
    code = worker.ended()
    fleet.spawn()
    eventually(fleet.everything_is_applied, "its successor applied the rest")
    eventually(fleet.everything_is_committed, "its successor committed the rest")
    return code


def test_a_graceful_stop_exits_0_and_repeats_nothing(begin: Begin) -> None:
    with begin() as story:
        assert a_worker_is_told_to_stop_in_its_apply(story) == 0
        found = story.fleet.findings()
        assert found.wrong() == {}
        assert found.repeated == []


def test_a_worker_that_knows_no_signals_fails_it(begin: Begin) -> None:
    with begin(naive="no-epoch") as story:
        assert a_worker_is_told_to_stop_in_its_apply(story) != 0
        assert story.fleet.findings().repeated
