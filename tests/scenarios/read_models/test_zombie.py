"""A worker is stopped past its session, another takes over, and the first wakes up and writes."""

from __future__ import annotations

import pytest

from tests.chain import AFTER_LOAD, AFTER_WRITE, BEFORE_TRANSACTION
from tests.fleet import Process, eventually
from tests.scenarios.read_models.story import Begin, Told


def a_worker_sleeps_past_its_session_and_wakes(told: Told, place: str) -> Process:
    """Its successor ends all that there is to do while it sleeps, whatever it holds."""
    told.story.publish(300)
    zombie = told.held(place)
    zombie.freeze()
    told.fleet.let_go()
    told.fleet.spawn()
    told.ends()
    zombie.thaw()
    return zombie


@pytest.mark.parametrize("place", [BEFORE_TRANSACTION, AFTER_LOAD, AFTER_WRITE])
def test_what_a_zombie_writes_changes_no_row(begin: Begin, place: str) -> None:
    with begin() as told:
        zombie = a_worker_sleeps_past_its_session_and_wakes(told, place)
        told.lets_go(zombie)
        assert told.wrong() == {}
        told.story.publish(300)
        told.ends()
        assert told.wrong() == {}


def test_the_read_model_itself_refuses_a_zombie(begin: Begin) -> None:
    with begin() as told:
        zombie = a_worker_sleeps_past_its_session_and_wakes(told, BEFORE_TRANSACTION)
        eventually(lambda: zombie.said("rejoining"), "it left, and joins again")
        assert "may not write the rows of" in str(zombie.said("rejoining")[0])


def test_a_worker_that_writes_without_a_fence_fails_it(begin_naive: Begin) -> None:
    with begin_naive() as told:
        a_worker_sleeps_past_its_session_and_wakes(told, AFTER_LOAD)
        eventually(told.wrong, "its write went over that of its successor")
