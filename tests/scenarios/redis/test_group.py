"""The projection's group, as any tool reads it: never ahead, and its lag true, whatever befalls the worker."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from consumer.embedded.valkey import Valkey
from consumer.model.position import Offset, Partition
from tests.fleet import PROJECTION, Process, eventually
from tests.ledger import BEFORE_APPLY
from tests.scenarios.redis.story import Begin, Story, story


class Seen(NamedTuple):
    """A group at one moment."""

    place: Offset
    #: What Redis tells, and what was counted by reading all of the stream at that moment.
    lag: int | None
    counted: int


def look(story: Story, partition: Partition) -> Seen | None:
    name = f"{story.topic}:{partition.number}"
    if not story.client.exists(name):
        return None
    transaction: Any = story.client.pipeline(transaction=True)
    groups, entries = transaction.xinfo_groups(name).xrange(name).execute()
    if not groups:
        return None
    (group,) = groups
    place = Offset.parse(group["last-delivered-id"].decode())
    counted = sum(Offset.parse(entry_id.decode()) > place for entry_id, _ in entries)
    return Seen(place, group["lag"], counted)


def it_is_true(story: Story) -> None:
    for partition in story.partitions:
        seen = look(story, partition)
        if seen is not None:
            assert seen.lag == seen.counted
            checkpoint = story.fleet.checkpoint(partition)
            assert checkpoint is not None
            assert seen.place <= checkpoint, "it is ahead"


def it_stays_true_until_there_are_applied(story: Story, events: int) -> None:
    until = time.monotonic() + 40
    while story.fleet.applied() < events:
        it_is_true(story)
        assert time.monotonic() < until, f"never applied: {events}"


def it_stands_at_the_checkpoints(story: Story) -> bool:
    seen = {partition: look(story, partition) for partition in story.partitions}
    return all(
        each is not None and each.place == story.fleet.checkpoint(partition)
        for partition, each in seen.items()
    )


def a_worker_is_killed_half_way(story: Story) -> Process:
    story.publish(800)
    first = story.fleet.spawn(seconds_an_apply=0.03)
    it_stays_true_until_there_are_applied(story, 300)
    first.kill()
    story.publish(100)
    return story.fleet.spawn(seconds_an_apply=0.03)


def test_while_it_runs_after_a_kill_and_after_a_graceful_stop_the_groups_lag_is_true(
    begin: Begin,
) -> None:
    with begin(batch_size=10) as story:
        second = a_worker_is_killed_half_way(story)
        it_stays_true_until_there_are_applied(story, 900)
        eventually(lambda: it_stands_at_the_checkpoints(story), "it stands at the end")
        eventually(story.fleet.everything_is_committed, "everything is committed")
        it_is_true(story)
        assert [seen.lag for each in story.partitions if (seen := look(story, each))] == [0] * 4

        story.publish(400)
        it_stays_true_until_there_are_applied(story, 1_000)
        assert second.stop() == 0
        assert story.fleet.applied() < 1_300, "nothing was left to do"
        assert it_stands_at_the_checkpoints(story)
        it_is_true(story)


def test_a_restart_of_redis_and_a_group_that_is_destroyed_are_mended_by_a_worker_that_runs(
    own_valkey: Callable[..., Valkey], tmp_path: Path
) -> None:
    server = own_valkey(append_only=True)
    with story({"url": server.url}, tmp_path, batch_size=10) as told:
        told.publish(400)
        told.fleet.spawn(seconds_an_apply=0.02)
        it_stays_true_until_there_are_applied(told, 100)
        server.restart()
        for partition in told.partitions[:2]:
            told.client.xgroup_destroy(f"{told.topic}:{partition.number}", PROJECTION)
        assert told.fleet.applied() < 400, "nothing was left to do"
        told.publish(200)
        it_stays_true_until_there_are_applied(told, 600)
        eventually(told.fleet.everything_is_committed, "everything is committed")
        eventually(lambda: it_stands_at_the_checkpoints(told), "it stands at the end")
        it_is_true(told)
        assert told.fleet.findings().wrong() == {}


def test_a_group_that_entries_are_read_through_is_ahead_of_what_was_applied(begin: Begin) -> None:
    with begin(naive="group", batch_size=10) as story:
        story.publish(800)
        story.fleet.hold(BEFORE_APPLY)
        worker = story.fleet.spawn()
        eventually(lambda: story.fleet.held(worker), "it has read, and not applied")
        seen = [look(story, partition) for partition in story.partitions]
        assert story.fleet.applied() == 0
        assert any(each.place > each.place.zero for each in seen if each)
