"""Everything is read anew into an emptied read model."""

from __future__ import annotations

from tests.kubernetes.replaying import replay
from tests.kubernetes.story import Story
from tests.kubernetes.values import RELEASE


def test_a_replay_empties_the_rows_and_makes_them_anew(story: Story) -> None:
    story.install()
    story.load()
    chains = story.truths["chains"]
    before = chains.applied()
    said = replay(story, "chains")
    assert "the rows were cleared" in said
    assert chains.applied() == 0 < before
    story.scale(2)
    story.flows()
    story.kubectl("delete", "job", "replay")
    story.ends()


def test_a_replay_that_is_typed_too_early_changes_nothing_and_is_done_once_the_workers_are_gone(
    story: Story,
) -> None:
    story.install()
    story.load()
    before = story.truths["chains"].applied()
    story.kubectl("create", "job", "replay", f"--from=cronjob/{RELEASE}-chains-replay")
    failed = ("wait", "--for=jsonpath={.status.failed}=1", "job/replay", "--timeout=50s")
    story.kubectl(*failed)
    assert story.truths["chains"].applied() >= before
    story.flows()
    story.scale(0)
    story.kubectl("wait", "--for=condition=complete", "job/replay", "--timeout=120s", seconds=150)
    assert story.truths["chains"].applied() == 0
    story.scale(2)
    story.ends()
