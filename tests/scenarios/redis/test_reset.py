"""A reset to an id that no entry has, in a stream that was trimmed."""

from __future__ import annotations

from consumer.cli import exits
from consumer.model.position import Offset
from tests.fleet import PROJECTION
from tests.scenarios.operator import Operator
from tests.scenarios.redis.story import Begin, event


def test_an_id_between_two_entries_is_read_on_from_and_halts_nothing(begin: Begin) -> None:
    with begin(streams=1) as story:
        fleet, operator = story.fleet, Operator(story.fleet)
        for number, id in enumerate(("5-1", "7-0", "9-0", "20-3")):
            story.client.xadd(f"{story.topic}:0", event(number, "k"), id=id)
            fleet.expected[story.partitions[0]].append(Offset.parse(id))
        assert fleet.caught_up() == exits.DONE
        story.keep(story.partitions[0], 3)
        seen = fleet.last_seq()

        done = operator.types("offsets", "reset", PROJECTION, "--to-offset", "8-0", "--yes")

        assert done.returncode == exits.DONE, done.stderr
        assert fleet.caught_up() == exits.DONE
        assert fleet.last_seq() == seen + 2
