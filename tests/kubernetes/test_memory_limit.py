"""A worker takes more memory than its limit and is killed by the kernel."""

from __future__ import annotations

from tests.fleet import eventually
from tests.kubernetes.story import Story


def test_a_worker_over_its_memory_limit_is_killed_comes_back_and_nothing_is_lost(
    story: Story,
) -> None:
    story.install()
    story.load()
    greedy = story.pods.ready()[0]
    # Its partitions wait until the broker misses it, 6 s here; the limit is reached in one or two.
    with story.pausing("a pod over its memory limit", below=12.0):
        story.kubectl("exec", greedy.name, "--", "touch", "/tmp/hoard")
        eventually(lambda: greedy.ended == "OOMKilled", "it is killed for its memory")
        story.has_ready(2)
    story.restarts = 1
    story.ends()
    assert greedy.restarts == 1
    described = story.kubectl("describe", "pod", greedy.name)
    assert "OOMKilled" in described, "an operator sees why"
    assert len(story.pods.said("started", greedy)) == 2
    assert not story.pods.said("stopped", greedy), "it had no time for a last word"
