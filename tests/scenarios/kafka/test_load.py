"""Numbers that a person would try: far more workers than partitions, and a restart of all at once."""

from __future__ import annotations

import pytest

from tests.fleet import eventually
from tests.scenarios.kafka.story import Begin
from tests.scenarios.kafka.test_probes import WATCHED, is_ready

WORKERS = 50


@pytest.mark.timeout(900)
def test_fifty_workers_on_eight_partitions_are_ready_and_quiet_and_a_restart_of_all_repeats_nothing(
    begin: Begin,
) -> None:
    with begin(document=WATCHED, partitions=8) as story:
        fleet = story.fleet
        for _ in range(2):
            workers = [fleet.spawn() for _ in range(WORKERS)]
            story.publish_everywhere(50)
            eventually(lambda them=workers: all(map(is_ready, them)), "all are ready", 300)
            eventually(fleet.everything_is_committed, "everything is committed", 60)
            idle = [worker for worker in workers if not worker.said("claimed")]
            assert len(idle) >= WORKERS - 2 * 8  # partitions may have moved while all joined
            for worker in idle:
                assert [line["event"] for line in worker.lines() if line["level"] != "debug"] == [
                    "listening",
                    "started",
                    "joined",
                ]
            for worker in workers:
                worker.terminate()
            assert {worker.ended(60) for worker in workers} == {0}
        assert fleet.findings().wrong() == {}
        assert fleet.findings().repeated == []
