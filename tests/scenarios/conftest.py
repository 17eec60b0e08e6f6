"""A story on either broker, for what an operator does alike on both."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.contracts.kafka_room import Broker
from tests.scenarios.kafka.story import story as kafka_story
from tests.scenarios.operator import BeginOnEither
from tests.scenarios.redis.story import story as redis_story
from tests.servers import RedisServer


@pytest.fixture(params=["kafka", "redis"])
def begin_on_either(
    request: pytest.FixtureRequest, valkey: RedisServer, tmp_path: Path
) -> BeginOnEither:
    """`with begin_on_either() as story:` with a topic, a prefix and a folder of its own."""
    if request.param == "redis":
        return partial(redis_story, {"url": valkey.url}, tmp_path)
    kafka = request.getfixturevalue("kafka")
    return partial(kafka_story, Broker(kafka.bootstrap), valkey.url, tmp_path)
