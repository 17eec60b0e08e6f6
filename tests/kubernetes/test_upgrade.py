"""`helm upgrade` of a setting, `helm rollback` and `helm uninstall`."""

from __future__ import annotations

from tests.fleet import eventually
from tests.kubernetes.story import Story
from tests.kubernetes.values import RELEASE


def test_settings_that_workers_refuse_stop_the_rollout_at_the_first_new_pod(story: Story) -> None:
    story.install()
    old = {pod.name for pod in story.pods.ready()}
    story.load()
    with story.pausing("settings that are refused", below=1.0):
        changes = {"projections": {"chains": {"settings": {"projector": "chains:nobody"}}}}
        story.install(changes, wait=False)
        eventually(lambda: any(pod.restarts for pod in story.pods.workers()), "a pod is refused")
        story.flows()
    (refused,) = [pod for pod in story.pods.workers() if pod.name not in old]
    story.hopeless.add(refused.name)
    assert "chains has no nobody" in str(story.pods.log(refused))
    assert {pod.name for pod in story.pods.ready()} == old
    assert story.pauses[-1].moved == 0
    story.helm("rollback", RELEASE, "--wait", "--timeout", "60s")
    story.has_ready(2)
    story.ends()


def test_a_setting_is_upgraded_and_rolled_back_and_an_uninstalled_release_goes_on_when_it_is_back(
    story: Story,
) -> None:
    story.install()
    story.load()
    names = [{pod.name for pod in story.pods.ready()}]
    with story.pausing("helm upgrade of a setting", below=3.0):
        story.install({"projections": {"chains": {"settings": {"batch_size": 100}}}})
        story.has_ready(2)
    names.append({pod.name for pod in story.pods.ready()})
    with story.pausing("helm rollback", below=3.0):
        story.helm("rollback", RELEASE, "1", "--wait", "--timeout", "60s")
        story.has_ready(2)
    names.append({pod.name for pod in story.pods.ready()})
    assert len(set.union(*names)) == 6, "each was a rollout"
    story.helm("uninstall", RELEASE, "--wait", "--timeout", "60s")
    story.has_ready(0)
    assert story.kubectl("get", "all,configmap,pdb", "-l", _OURS) == ""
    assert all(story.pods.said("stopped", name) for name in set.union(*names))
    story.stop_load()
    assert story.truths["chains"].applied() < story.published, "some came while nobody was there"
    story.install()
    story.ends()


_OURS = f"app.kubernetes.io/instance={RELEASE}"
