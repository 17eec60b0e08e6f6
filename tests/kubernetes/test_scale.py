"""`kubectl scale`, up and down."""

from __future__ import annotations

import pytest

from tests.fleet import eventually
from tests.kubernetes.conftest import Begin


@pytest.mark.parametrize("source", ["kafka", "redis"])
def test_one_four_and_two_workers_pause_no_partition_for_long(begin: Begin, source: str) -> None:
    story = begin(source=source)
    story.install({"defaults": {"replicas": 1}})
    story.load()
    with story.pausing(f"scaled from 1 to 4, {source}", below=3.0):
        story.scale(4)
        eventually(
            lambda: all(story.pods.said("claimed", pod) for pod in story.pods.ready()),
            "each has a share",
        )
    with story.pausing(f"scaled from 4 to 2, {source}", below=1.0):
        story.scale(2)
    story.ends()
    gone = [pod for pod in story.pods.all() if pod.is_gone]
    assert len(gone) == 2
    for pod in gone:
        assert story.pods.said("revoked", pod)
        assert story.pods.said("stopped", pod)
