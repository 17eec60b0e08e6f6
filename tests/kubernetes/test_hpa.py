"""The autoscaler of Kubernetes scales on CPU, up and down."""

from __future__ import annotations

from typing import Any

from tests.kubernetes.story import Story

#: An event costs 1 ms of CPU, ten times what a worker asks for.
BUSY: dict[str, Any] = {"env": [{"name": "CHAINS_BURN_MS", "value": "1"}]}
ON_CPU: dict[str, Any] = {
    "type": "hpa",
    "minReplicas": 1,
    "maxReplicas": 3,
    "scaleDownSeconds": 10,
    # Of 40m: a worker with nothing to do takes less, one with 200 events a second more.
    "hpa": {"cpuPercent": 150},
}
ASKS: dict[str, Any] = {"requests": {"cpu": "40m"}}


def test_busy_workers_bring_more_of_them_and_idle_ones_go(story: Story) -> None:
    story.install(
        {"defaults": {"scaling": ON_CPU, "resources": ASKS}, "projections": {"chains": BUSY}}
    )
    story.has_ready(1)
    load = story.load(rate=400)
    story.comes_to(3)
    story.flows()
    load.rate(5)
    story.comes_to(1)
    story.ends()
    assert len(story.truths["chains"].workers()) == 3, "each applied something"
