"""A story on the run's own server."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.scenarios.redis.story import Begin, story
from tests.servers import RedisServer


@pytest.fixture
def begin(valkey: RedisServer, tmp_path: Path) -> Begin:
    """`with begin(streams=4, naive="") as story:` with a topic, a prefix and a folder of its own."""
    return partial(story, {"url": valkey.url}, tmp_path)
