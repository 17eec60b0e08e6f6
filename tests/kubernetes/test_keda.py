"""KEDA scales on the true lag, from none to as many as may be and back to none."""

from __future__ import annotations

from typing import Any

import pytest

from tests.kubernetes.conftest import Begin

#: An event costs 5 ms, so that a worker applies at most 200 a second.
SLOW: dict[str, Any] = {
    "env": [{"name": "CHAINS_WAIT_MS", "value": "5"}],
    "settings": {"batch_size": 50},
}
QUICK_KEDA: dict[str, Any] = {
    "type": "keda",
    "minReplicas": 0,
    "maxReplicas": 4,
    "scaleDownSeconds": 10,
    "keda": {"lagThreshold": 200, "pollingInterval": 1, "cooldownPeriod": 10},
}


@pytest.mark.parametrize("source", ["kafka", "redis"])
def test_lag_brings_workers_up_from_none_to_as_many_as_may_be_and_they_go_with_it(
    begin: Begin, source: str
) -> None:
    story = begin(source=source)
    story.install({"defaults": {"scaling": QUICK_KEDA}, "projections": {"chains": SLOW}})
    story.comes_to(0)
    load = story.load(rate=600)
    story.comes_to(4)
    story.flows()
    assert len(story.truths["chains"].workers()) >= 4, "each applied something"
    load.rate(20)
    story.comes_to(1)
    story.stop_load()
    story.comes_to(0)
    story.ends()
    assert all(story.pods.said("stopped", pod) for pod in story.pods.all())
