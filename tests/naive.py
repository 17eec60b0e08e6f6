"""Workers as one writes them by hand, each with one usual mistake: the scenarios must fail on them.

    python -m tests.naive MISTAKE projections.yaml

commit-first    the offset is written before the events are applied
no-epoch        the offset is written with a plain HSET
cached          the offsets are read once, at the start
earliest        an offset out of range goes to the log's start
contiguous      caught up means last + 1 == high watermark
gapless         offsets without a gap are taken for granted
raise           every error of the client is fatal
latest          what has no offset begins at the end
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import redis
from confluent_kafka import OFFSET_INVALID, Consumer, KafkaError, TopicPartition
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.ledger import Writing


class Naive:
    """Poll, apply, HSET."""

    def __init__(self, mistake: str, settings: dict[str, Any]) -> None:
        self.mistake = mistake
        kafka = settings["sources"]["main"]["kafka"]
        offsets = settings["offsets"]["redis"]
        projection = settings["projections"]["ledger"]
        self.topics = projection["source"]["topics"]
        self.batch_size = projection["batch_size"]
        self.prefix = offsets["prefix"]
        self.redis = redis.Redis.from_url(offsets["url"], retry=Retry(NoBackoff(), 0))
        self.writing = Writing(Path(os.environ["LEDGER_FOLDER"]))
        self.cached: dict[tuple[str, int], int | None] = {}
        self.positions: dict[tuple[str, int], int] = {}
        resets = {"earliest": "earliest", "latest": "latest"}
        self.client = Consumer(
            {
                "bootstrap.servers": ",".join(kafka["bootstrap_servers"]),
                **kafka["config"],
                "group.id": self.prefix,
                "partition.assignment.strategy": "cooperative-sticky",
                "enable.auto.commit": False,
                "auto.offset.reset": resets.get(mistake, "earliest"),
                "enable.partition.eof": False,
                "error_cb": self.on_error,
            }
        )

    def run(self) -> None:
        if self.mistake == "cached":
            for topic in self.topics:
                for n in self.client.list_topics(topic, timeout=10).topics[topic].partitions:
                    self.cached[topic, n] = self.committed(topic, n)
        self.client.subscribe(self.topics, on_assign=self.on_assign)
        while True:
            batches: dict[tuple[str, int], list[Any]] = {}
            for message in self.client.consume(self.batch_size, 0.1):
                if message.error():
                    self.on_error(message.error())
                else:
                    at = (message.topic(), message.partition())
                    batches.setdefault(at, []).append(message)
            for (topic, number), messages in batches.items():
                self.project(topic, number, messages)
            if self.mistake == "contiguous" and self.is_caught_up():
                return

    def project(self, topic: str, number: int, messages: list[Any]) -> None:
        last = messages[-1].offset()
        if self.mistake == "gapless":
            before = self.positions.get((topic, number), -1)
            assert last - before == len(messages), "an event is missing"
        self.positions[topic, number] = last
        if self.mistake == "commit-first":
            self.commit(topic, number, last)
        self.apply(messages)
        if self.mistake != "commit-first":
            self.commit(topic, number, last)

    def apply(self, messages: list[Any]) -> None:
        self.writing.append(
            [
                (m.topic(), m.partition(), str(m.offset()), (m.key() or b"").decode(), 0)
                for m in messages
            ]
        )

    def on_assign(self, client: Consumer, places: list[TopicPartition]) -> None:
        for place in places:
            at = self.cached.get((place.topic, place.partition))
            if self.mistake != "cached":
                at = self.committed(place.topic, place.partition)
            place.offset = OFFSET_INVALID if at is None else at + 1
        client.incremental_assign(places)

    def on_error(self, error: KafkaError) -> None:
        if self.mistake == "raise":
            os._exit(9)

    def committed(self, topic: str, number: int) -> int | None:
        found = self.redis.hget(f"naive:{self.prefix}", f"{topic}/{number}")
        return None if found is None else int(found)  # type: ignore[arg-type]  # bytes, not a coroutine

    def commit(self, topic: str, number: int, offset: int) -> None:
        self.redis.hset(f"naive:{self.prefix}", f"{topic}/{number}", str(offset))

    def is_caught_up(self) -> bool:
        return bool(self.positions) and all(
            self.client.get_watermark_offsets(TopicPartition(*at), timeout=5)[1] == last + 1
            for at, last in self.positions.items()
        )


if __name__ == "__main__":
    threading.Thread(
        target=lambda: (time.sleep(120), os.kill(os.getpid(), signal.SIGKILL)), daemon=True
    ).start()
    Naive(sys.argv[1], json.loads(Path(sys.argv[2]).read_text())).run()
