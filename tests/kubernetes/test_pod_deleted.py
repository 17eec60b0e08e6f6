"""A pod is deleted, as by an operator or a node that is made smaller."""

from __future__ import annotations

from tests.kubernetes.story import Story


def test_a_deleted_pod_hands_over_what_it_has_before_it_goes(story: Story) -> None:
    story.install()
    story.load()
    deleted, other = story.pods.ready()
    with story.pausing("a pod is deleted", below=3.0):
        story.kubectl("delete", "pod", deleted.name)
        story.has_ready(2)
    story.ends()
    assert story.pods.said("revoked", deleted), "what it gave back"
    assert story.pods.said("stopped", deleted), "and that it was done"
    assert story.pods.said("claimed", other), "who took over said so too"
