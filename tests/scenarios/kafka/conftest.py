"""A story on the run's own servers."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.contracts.kafka_room import Broker
from tests.scenarios.kafka.story import Begin, story
from tests.servers import KafkaServer, RedisServer


@pytest.fixture
def begin(kafka: KafkaServer, valkey: RedisServer, tmp_path: Path) -> Begin:
    """`with begin(partitions=4, naive="") as story:` with a topic, a prefix and a folder of its own."""
    return partial(story, Broker(kafka.bootstrap), valkey.url, tmp_path)
