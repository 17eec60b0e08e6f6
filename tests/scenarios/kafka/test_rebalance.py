"""Workers come and go while events flow: nothing is lost, and nothing goes back."""

from __future__ import annotations

from tests.fleet import eventually
from tests.scenarios.kafka.story import Begin, Story


def a_second_worker_comes_and_goes(story: Story) -> None:
    fleet = story.fleet
    with story.publishing(400):
        fleet.spawn()
        eventually(lambda: fleet.applied() > 100, "the first worker applies")
        second = fleet.spawn()
        eventually(lambda: second.pid in fleet.workers_that_applied(), "the second applies too")
        fleet_seq = fleet.last_seq()
        second.stop()
        eventually(lambda: fleet.last_seq() > fleet_seq + 200, "the first has it all again")
    eventually(fleet.everything_is_applied, "everything is applied")
    eventually(fleet.everything_is_committed, "everything is committed")


def test_a_rebalance_while_events_flow_loses_and_repeats_nothing(begin: Begin) -> None:
    with begin() as story:
        a_second_worker_comes_and_goes(story)
        found = story.fleet.findings()
        assert found.wrong() == {}
        assert found.repeated == []


def test_so_it_is_under_the_new_protocol(begin: Begin) -> None:
    with begin(config={"group.protocol": "consumer"}) as story:
        a_second_worker_comes_and_goes(story)
        found = story.fleet.findings()
        assert found.wrong() == {}
        assert found.repeated == []


def test_a_worker_that_remembers_the_offsets_of_its_start_fails_it(begin: Begin) -> None:
    with begin(naive="cached") as story:
        a_second_worker_comes_and_goes(story)
        found = story.fleet.findings()
        assert found.repeated
        assert found.disordered
