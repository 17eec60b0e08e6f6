"""A codec that cannot ask for what it needs, on the logs of real brokers: what comes before it is read, then it is told."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from confluent_kafka import Producer

from consumer.adapters.kafka.event_log import KafkaEventLog
from consumer.adapters.memory.offset_store import MemoryOffsetStore
from consumer.adapters.redis.connection import connect
from consumer.adapters.redis.event_log import RedisStreamLog
from consumer.adapters.redis.streams import register
from consumer.engine.runner import Runner
from consumer.errors import Transient
from consumer.ports.event_log import EventLog
from tests.contracts.kafka_room import Broker
from tests.doubles import Asking, Folded
from tests.servers import KafkaServer, RedisServer


def it_is_told_and_read_on_later(log: EventLog, codec: Asking) -> None:
    folded = Folded()
    with Runner(log, MemoryOffsetStore(), folded, batch_size=10) as runner:
        with pytest.raises(Transient, match="http://registry is away: look at it") as raised:
            runner.apply_since()
        assert (raised.value.applied, folded.numbers) == (2, [1, 2])
        codec.away.clear()
        assert runner.apply_since().count == 2
    assert folded.numbers == [1, 2, 3, 4]


def test_on_kafka(kafka: KafkaServer) -> None:
    topic = Broker(kafka.bootstrap).topic()
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    for number in range(1, 5):
        producer.produce(topic, str(number).encode())
    assert producer.flush(30) == 0
    codec = Asking(n3=99)
    log = KafkaEventLog({"bootstrap.servers": kafka.bootstrap}, topics=[topic], codec=codec)
    try:
        it_is_told_and_read_on_later(log, codec)
    finally:
        log.close()


def test_on_redis_streams(valkey: RedisServer) -> None:
    topic = f"t-{uuid.uuid4().hex[:12]}"
    client: Any = connect(valkey.url)
    register(client, topic, 1)
    for number in range(1, 5):
        client.xadd(f"{topic}:0", {"data": str(number).encode()})
    codec = Asking(n3=99)
    it_is_told_and_read_on_later(RedisStreamLog(client, topics=[topic], codec=codec), codec)
    client.close()
