"""Kills, zombies and rebalances with the events in Redis Streams, where a partition is held by lease."""

from __future__ import annotations

from tests.chain import AFTER_LOAD
from tests.scenarios.read_models.story import Begin


def test_on_streams_kills_zombies_and_newcomers_lose_repeat_and_reorder_nothing(
    begin_on_streams: Begin,
) -> None:
    with begin_on_streams() as told:
        fleet = told.fleet
        with told.story.publishing(300):
            zombie = told.held(AFTER_LOAD)
            zombie.freeze()
            fleet.let_go()
            workers = [fleet.spawn() for _ in range(2)]
            told.goes_on(100)
            workers[0].kill()
            told.goes_on(100)
            zombie.thaw()
            told.lets_go(zombie)
            fleet.spawn()
            told.goes_on(100)
        told.ends()
        assert told.wrong() == {}
