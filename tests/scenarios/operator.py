"""Who looks at a fleet from outside, through the command line alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from confluent_kafka import ConsumerGroupTopicPartitions

from consumer.adapters.redis.streams import register
from consumer.model.position import Partition
from tests.fleet import PROJECTION, ROOT, Fleet
from tests.scenarios.kafka.story import Story as KafkaStory
from tests.scenarios.redis.story import Story as RedisStory

EitherStory = KafkaStory | RedisStory
BeginOnEither = Callable[..., AbstractContextManager[EitherStory]]

#: Behind the `-c` of a Python that does as `projections`, but for something in the way.
Way = Sequence[str]
PROJECTIONS: Way = ("-m", "consumer")


class Operator:
    """Types commands in a fleet's folder."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def start(self, *words: str, way: Way = PROJECTIONS) -> subprocess.Popen[str]:
        config = ["--config", str(self._fleet.folder / "projections.yaml")]
        return subprocess.Popen(
            [sys.executable, *way, *config, *words],
            cwd=ROOT,
            env={**os.environ, "LEDGER_FOLDER": str(self._fleet.folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def types(self, *words: str, way: Way = PROJECTIONS) -> subprocess.CompletedProcess[str]:
        with self.start(*words, way=way) as process:
            out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def resets(self, *words: str, way: Way = PROJECTIONS) -> subprocess.CompletedProcess[str]:
        return self.types("offsets", "reset", PROJECTION, *words, way=way)

    def status(self) -> dict[str, Any]:
        """The document's part of the projection."""
        done = self.types("status", PROJECTION, "--json")
        assert done.returncode == 0, done.stderr + done.stdout
        (projection,) = json.loads(done.stdout)["projections"]
        found: dict[str, Any] = projection
        return found

    def partitions(self) -> dict[str, dict[str, Any]]:
        """The status of each partition by its name."""
        return {each["partition"]: each for each in self.status()["partitions"]}

    def states(self) -> set[str]:
        return {each["state"] for each in self.status()["partitions"]}

    def resets_on_record(self) -> list[dict[str, Any]]:
        done = self.types("offsets", "get", PROJECTION, "--json")
        found: list[dict[str, Any]] = json.loads(done.stdout)["resets"]
        return found


def poison(story: EitherStory, partition: Partition) -> None:
    """Adds a record to it that nobody can decode."""
    if isinstance(story, KafkaStory):
        story.broker.fill(story.topic, 1, number=partition.number)
    else:
        story.client.xadd(f"{story.topic}:{partition.number}", {"data": "no event"})


def lose_all_but(story: EitherStory, partition: Partition, left: int) -> None:
    """Takes the eldest events away, as retention and trimming do."""
    if isinstance(story, KafkaStory):
        end = len(story.fleet.expected[partition])
        story.broker.cut(story.topic, partition.number, end - left)
    else:
        story.keep(partition, left)


def make_anew(story: EitherStory) -> None:
    """Another topic of the same name, and empty."""
    count = len(story.partitions)
    if isinstance(story, KafkaStory):
        story.broker.make_anew(story.topic, count)
    else:
        story.client.delete(f"{story.topic}:streams")
        for partition in story.partitions:
            story.client.delete(f"{story.topic}:{partition.number}")
        register(story.client, story.topic, count)
    for expected in story.fleet.expected.values():
        expected.clear()


def group_of(story: EitherStory) -> dict[str, str]:
    """Where the broker's own group stands, by partition, as the broker tells it."""
    if isinstance(story, KafkaStory):
        return _group_on_kafka(story)
    found = {}
    for partition in story.partitions:
        groups = story.client.xinfo_groups(f"{story.topic}:{partition.number}")
        (delivered,) = [g["last-delivered-id"] for g in groups if g["name"] == PROJECTION.encode()]
        found[str(partition)] = delivered.decode()
    return found


def _group_on_kafka(story: KafkaStory) -> dict[str, str]:
    settings = json.loads((story.fleet.folder / "projections.yaml").read_text())
    group = settings["projections"][PROJECTION]["source"]["group"]
    asked = [ConsumerGroupTopicPartitions(group)]
    found = story.broker.admin.list_consumer_group_offsets(asked)[group].result(20)
    return {f"{each.topic}/{each.partition}": str(each.offset) for each in found.topic_partitions}
