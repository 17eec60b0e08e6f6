"""Redis, where offsets and claims are, is away for a minute."""

from __future__ import annotations

import time

from tests.fleet import eventually
from tests.kubernetes.story import Story

AWAY_SECONDS = 60


def test_a_minute_without_redis_restarts_no_pod_and_loses_nothing(story: Story) -> None:
    story.install()
    story.load()
    pods = story.pods.ready()
    valkey = story.outside.valkey
    valkey.kill()
    back = time.monotonic() + AWAY_SECONDS
    eventually(lambda: not story.pods.ready(), "no worker is ready, so that nobody counts on it")
    eventually(lambda: time.monotonic() > back, "the minute is over", 2 * AWAY_SECONDS)
    valkey.start()
    story.has_ready(2)
    story.flows()
    story.ends()
    assert story.pods.ready() == pods, "the same pods; none was restarted by its liveness"
    for pod in pods:
        assert story.pods.said("waiting", pod), "each said whom it waits for"
