"""Where a projection begins is decided once, and written down before anything is read."""

from __future__ import annotations

from tests.chain import BEFORE_TRANSACTION
from tests.fleet import eventually
from tests.scenarios.read_models.story import Begin


def test_a_start_at_the_end_outlives_its_worker_and_an_added_partition_is_read_whole(
    begin: Begin,
) -> None:
    with begin(partitions=2, source={"start": "end"}) as told:
        story, fleet = told.story, told.fleet
        story.publish(100)
        told.begins_here()
        first = fleet.spawn()
        eventually(lambda: len(first.said("began")) == 2, "it began behind all that there was")
        fleet.hold(BEFORE_TRANSACTION)
        story.publish(100)
        eventually(lambda: fleet.held(first), "it has read, and written nothing")
        first.kill()
        fleet.let_go()
        story.grow(3)
        story.publish_everywhere(50)
        fleet.spawn()
        told.ends()
        assert told.wrong() == {}
