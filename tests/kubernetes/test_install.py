"""`helm install` in a namespace that enforces restricted Pod Security."""

from __future__ import annotations

import json

import pytest

from tests.cluster import ClusterError
from tests.kubernetes.conftest import Begin
from tests.kubernetes.story import Story
from tests.kubernetes.values import RELEASE


def test_what_the_namespace_forbids_is_refused_so_that_the_chart_is_seen_to_be_let_in(
    story: Story,
) -> None:
    with pytest.raises(ClusterError, match="violates PodSecurity"):
        story.kubectl("run", "root", "--image", story.image, "--privileged")


@pytest.mark.parametrize("source", ["kafka", "redis"])
def test_an_installed_release_is_ready_tested_and_applies_everything(
    begin: Begin, source: str
) -> None:
    story = begin(source=source)
    story.install()
    story.load()
    story.helm("test", RELEASE, "--timeout", "60s")
    (check,) = [pod for pod in story.pods.all() if not pod.is_worker]
    assert "chains" in json.dumps(story.pods.log(check))
    story.ends()
    story.has_ready(2)
    for pod in story.pods.workers():
        for verb in ("started", "listening", "joined", "claimed"):
            assert story.pods.said(verb, pod), f"{pod.name} said that it {verb}"
    assert len(story.pods.said("began")) == story.partitions
    assert {line["owner"].split(":")[0] for line in story.pods.said("started")} == {
        pod.name for pod in story.pods.workers()
    }
