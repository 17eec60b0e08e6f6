"""Workers come and go while events flow, and write rows that all of them share."""

from __future__ import annotations

from tests.chain import TOTALS
from tests.fleet import eventually
from tests.scenarios.read_models.story import Begin, Told


def one_three_and_two_workers(told: Told) -> None:
    """Each takes its time between loading and writing, so that it meets the others."""
    fleet = told.fleet
    with told.story.publishing(300):
        workers = [fleet.spawn(seconds_an_apply=0.01)]
        told.goes_on(50)
        workers += [fleet.spawn(seconds_an_apply=0.01) for _ in range(2)]
        eventually(lambda: all(each.said("applied") for each in workers), "all three apply")
        told.goes_on(200)
        workers[0].stop()
        told.goes_on(200)
    told.ends()


def test_one_three_and_two_workers_under_load_lose_repeat_and_reorder_nothing(begin: Begin) -> None:
    with begin(partitions=6, batch_size=20) as told:
        one_three_and_two_workers(told)
        assert told.wrong() == {}
        assert [worker.exit_code for worker in told.fleet.processes] == [0, None, None]


def test_workers_that_load_and_write_apart_fail_it(begin_naive: Begin) -> None:
    with begin_naive(partitions=6, batch_size=20) as told:
        one_three_and_two_workers(told)
        assert TOTALS.name in told.wrong()
