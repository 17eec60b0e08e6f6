"""Entries that were not applied are trimmed: the partition halts, says why, and nothing is jumped."""

from __future__ import annotations

from tests.fleet import eventually
from tests.scenarios.redis.story import Begin, Story


def a_stream_is_trimmed_past_its_checkpoint(story: Story) -> None:
    fleet = story.fleet
    story.publish(200)
    first = fleet.spawn()
    eventually(fleet.everything_is_applied, "the first events are applied")
    eventually(fleet.everything_is_committed, "the first events are committed")
    first.kill()
    story.publish(200)
    story.keep(story.partitions[0], 5)


def test_a_trimmed_partition_halts_with_the_reason_and_the_others_go_on(begin: Begin) -> None:
    with begin() as story:
        a_stream_is_trimmed_past_its_checkpoint(story)
        lost = story.partitions[0]
        before = story.fleet.applied_offsets(lost)
        worker = story.fleet.spawn("--until-caught-up")
        assert worker.ended() == 3
        (halted,) = worker.said("halted")
        assert str(story.fleet.checkpoint(lost)) in str(halted["cause"])
        assert "trimmed" in str(halted["cause"])
        assert story.fleet.applied_offsets(lost) == before, "it jumped"
        for other in story.partitions[1:]:
            expected = {str(offset) for offset in story.fleet.expected[other]}
            assert story.fleet.applied_offsets(other) == expected


def test_a_worker_that_reads_on_from_its_last_id_jumps_without_a_word(begin: Begin) -> None:
    with begin(naive="last-id") as story:
        a_stream_is_trimmed_past_its_checkpoint(story)
        lost = story.partitions[0]
        story.fleet.spawn()
        last = str(story.fleet.expected[lost][-1])
        eventually(lambda: last in story.fleet.applied_offsets(lost), "it jumped")
        assert story.fleet.findings().lost
