"""What the Kafka scenarios share: a topic, events on it, and a fleet that reads it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import redis
from confluent_kafka import KafkaError, Message, Producer

from consumer.adapters.redis.connection import connect
from consumer.adapters.redis.offset_store import RedisOffsetStore
from consumer.model.position import IntOffset, LogIdentity, Offset, Partition
from consumer.ports.offset_store import OffsetStore
from tests.contracts.kafka_room import QUICK, Broker
from tests.fleet import PROJECTION, Checkpoints, Fleet, checkpoints_of, eventually
from tests.scenarios.telling import Telling

Begin = Callable[..., AbstractContextManager["Story"]]


class Story(Telling):
    """A topic of events with keys, its readers, and where they stand."""

    def __init__(
        self,
        broker: Broker,
        topic: str,
        partitions: int,
        fleet: Fleet,
        set_checkpoint: Callable[[Partition, int], None],
        group: str,
    ) -> None:
        self.broker = broker
        self.group = group
        #: Puts a checkpoint where no worker put it.
        self.set_checkpoint = set_checkpoint
        #: What stands in the record of a number and a subject.
        self.event = event
        self.topic = topic
        self.fleet = fleet
        self.partitions = [Partition(topic, n) for n in range(partitions)]
        self._producer = Producer({"bootstrap.servers": broker.bootstrap, "linger.ms": 2})
        self._sent = 0

    def publish(self, count: int) -> None:
        """Events of 97 keys, and what is in the log is expected to be applied."""
        for _ in range(count):
            self._sent += 1
            subject = f"k{self._sent % 97}"
            self._producer.produce(
                self.topic, self.event(self._sent, subject), subject, on_delivery=self._delivered
            )
            self._producer.poll(0)
        assert self._producer.flush(30) == 0

    def publish_everywhere(self, count: int) -> None:
        """So many events on each partition."""
        for partition in self.partitions:
            self.publish_to(partition, count)

    def publish_to(self, partition: Partition, count: int) -> None:
        """So many events on this one."""
        subject = f"p{partition.number}"
        for _ in range(count):
            self._sent += 1
            self._producer.produce(
                self.topic,
                self.event(self._sent, subject),
                subject,
                partition=partition.number,
                on_delivery=self._delivered,
            )
        assert self._producer.flush(30) == 0

    def grow(self, partitions: int) -> None:
        """The topic has so many partitions from now on, and whoever publishes knows."""
        self.broker.grow(self.topic, partitions)
        for number in range(len(self.partitions), partitions):
            partition = Partition(self.topic, number)
            self.fleet.expected[partition] = []
            self.fleet.partitions.append(partition)
            self.partitions.append(partition)
        eventually(
            lambda: (
                len(self._producer.list_topics(self.topic).topics[self.topic].partitions)
                == partitions
            ),
            "the producer knows",
        )

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        assert error is None, error
        number, offset = message.partition(), message.offset()
        assert number is not None
        assert offset is not None
        self.fleet.expected[Partition(self.topic, number)].append(IntOffset(offset))


def event(number: int, subject: str) -> bytes:
    """A CloudEvent in structured mode."""
    whole = {"specversion": "1.0", "id": str(number), "source": "/tests", "type": "counted"}
    return json.dumps({**whole, "subject": subject, "data": {"n": number}}).encode()


@contextmanager
def story(
    broker: Broker,
    redis_url: str,
    folder: Path,
    *,
    partitions: int = 4,
    naive: str = "",
    topic_config: Mapping[str, Any] | None = None,
    batch_size: int = 50,
    config: Mapping[str, Any] | None = None,
    projection: Mapping[str, Any] | None = None,
    source: Mapping[str, Any] | None = None,
    document: Mapping[str, Any] | None = None,
    offsets: tuple[Mapping[str, Any], OffsetStore] | None = None,
) -> Iterator[Story]:
    """A fleet on a topic of its own; with `naive` its workers are those of tests/naive.py.

    `offsets` are the settings of another store than that Redis, which then need not be there, and the
    store itself, which is closed in the end. `projection`, `source` and `document` are more settings of the projection, what it reads, and all.
    """
    topic = broker.topic(partitions, **(topic_config or {}))
    prefix = f"s-{uuid.uuid4().hex[:8]}"
    settings = {
        "offsets": offsets[0] if offsets else {"redis": {"url": redis_url, "prefix": prefix}},
        "sources": {
            "main": {
                "kafka": {
                    "bootstrap_servers": [broker.bootstrap],
                    "config": config or {**QUICK, "session.timeout.ms": 3000},
                }
            }
        },
        "projections": {
            PROJECTION: {
                "projector": "tests.ledger:Ledger",
                "source": {"from": "main", "topics": [topic], "group": prefix, **(source or {})},
                "batch_size": batch_size,
                "retry": {"initial": 0.1, "cap": 1.0},
                **(projection or {}),
            }
        },
        **(document or {}),
    }
    store: OffsetStore
    store = offsets[1] if offsets else RedisOffsetStore(connect(redis_url), prefix=prefix)
    plain = redis.Redis.from_url(redis_url) if naive else None

    def set_checkpoint(partition: Partition, offset: int) -> None:
        if plain:
            plain.hset(f"naive:{prefix}", str(partition), str(offset))
            return
        log = LogIdentity("", partitions)
        claim = store.claim(PROJECTION, partition, owner="test", log=log)
        store.commit(claim, claim.offset, IntOffset(offset))

    checkpoint = _naive_checkpoints(plain, prefix) if plain else checkpoints_of(store)
    places = [Partition(topic, n) for n in range(partitions)]
    with Fleet(folder, settings, checkpoint=checkpoint, partitions=places, naive=naive) as fleet:
        yield Story(broker, topic, partitions, fleet, set_checkpoint, prefix)
    store.close()
    if plain:
        plain.close()


def _naive_checkpoints(client: redis.Redis, prefix: str) -> Checkpoints:
    def checkpoint(partition: Partition) -> Offset | None:
        found = client.hget(f"naive:{prefix}", str(partition))
        return None if found is None else IntOffset(int(found))  # type: ignore[arg-type]  # bytes, not a coroutine

    return checkpoint
