"""Two projections of one release; what becomes of one is nothing to the other."""

from __future__ import annotations

from tests.kubernetes.replaying import replay
from tests.kubernetes.story import Story


def test_a_replay_of_one_projection_is_not_noticed_by_the_other(story: Story) -> None:
    story.adds("others")
    story.install({"defaults": {"replicas": 1}})
    story.load()
    with story.pausing("another projection is replayed", below=1.0, projection="others"):
        replay(story, "chains")
        assert story.truths["chains"].applied() == 0
        assert story.truths["others"].applied() > 0
        story.scale(1)
    story.ends()
    assert not any(story.pods.said("revoked", pod) for pod in story.pods.workers("others")), (
        "the other held what it had"
    )
