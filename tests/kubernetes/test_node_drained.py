"""A node is drained; the disruption budget holds the drain until others work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cluster import Cluster, ClusterError
from tests.kubernetes.story import Story


def test_a_drain_takes_one_worker_and_is_held_until_its_replacement_works(story: Story) -> None:
    story.install({"defaults": {"labels": {"story": story.namespace}}})
    story.load()
    evicted = {pod.name for pod in story.pods.ready()}
    with story.pausing("a drain that the budget holds", below=3.0):
        with _undone(story.cluster) as nodes:
            drain = ("drain", *nodes, f"--pod-selector=story={story.namespace}")
            with pytest.raises(ClusterError, match="violate the pod's disruption budget"):
                story.cluster.kubectl(*drain, "--delete-emptydir-data", "--timeout=12s")
            (left,) = story.pods.ready()
            assert left.name in evicted
            story.flows()
        story.has_ready(2)
    story.ends()
    (gone,) = [pod for pod in story.pods.all() if pod.is_gone]
    assert story.pods.said("stopped", gone)


@contextmanager
def _undone(cluster: Cluster) -> Iterator[list[str]]:
    """The names of all nodes, which take pods again afterwards."""
    nodes = cluster.kubectl("get", "nodes", "-o", "jsonpath={.items[*].metadata.name}").split()
    try:
        yield nodes
    finally:
        cluster.kubectl("uncordon", *nodes)
