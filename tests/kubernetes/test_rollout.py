"""A new image: the workers are replaced pod by pod, or not at all."""

from __future__ import annotations

from tests.fleet import eventually
from tests.kubernetes.story import Story
from tests.kubernetes.values import RELEASE


def test_an_image_that_cannot_be_pulled_stops_the_rollout_and_the_old_workers_go_on(
    story: Story,
) -> None:
    story.install()
    old = {pod.name for pod in story.pods.ready()}
    story.load()
    with story.pausing("an image cannot be pulled", below=1.0):
        story.install({"image": {"tag": "nowhere"}}, wait=False)
        eventually(
            lambda: any("Pull" in pod.waits_for for pod in story.pods.workers()), "a pod waits"
        )
        story.flows()
    waiting = [pod for pod in story.pods.workers() if pod.name not in old]
    assert len(waiting) == 1
    assert {pod.name for pod in story.pods.ready()} == old
    assert story.pauses[-1].moved == 0
    story.helm("rollback", RELEASE, "--wait", "--timeout", "60s")
    story.has_ready(2)
    assert {pod.name for pod in story.pods.ready()} == old
    story.ends()


def test_a_new_image_takes_over_pod_by_pod(story: Story) -> None:
    story.install()
    old = {pod.name for pod in story.pods.ready()}
    story.load()
    assert set(story.truths["chains"].workers().values()) == {"1"}
    changes = len(story.pods.counts)
    with story.pausing("a rollout of 2 pods", below=3.0):
        story.install({"image": {"tag": "2"}})
        story.has_ready(2)
    new = {pod.name for pod in story.pods.ready()}
    assert not new & old
    story.ends()
    assert min(story.pods.counts[changes:]) == 2, "no worker left before another was ready"
    # Two joined and two left: each time some moved, and never all of them.
    assert story.pauses[-1].moved <= 1.5 * story.partitions
    assert not story.pods.said("rejoining")
    assert {story.truths["chains"].workers()[name] for name in new} == {"2"}
    for name in old:
        assert story.pods.said("revoked", name), f"{name} said what it gave back"
        assert story.pods.said("stopped", name), f"{name} said its last word"
