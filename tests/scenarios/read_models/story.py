"""What the scenarios of read models share: a fleet that writes rows, and what the rows should be."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaError, TopicPartition

from consumer.model.position import Partition
from tests.chain import CHAIN, PROGRESS, TABLES, TOTALS, Rows, bucket, link
from tests.contracts.kafka_room import QUICK, Broker
from tests.contracts.redis_room import fresh
from tests.fleet import Fleet, Process, eventually
from tests.scenarios.kafka import story as kafka
from tests.scenarios.read_models.stores import Store
from tests.scenarios.redis import story as streams

#: A session, and so a transaction's pause, takes no longer.
SESSION = {**QUICK, "session.timeout.ms": 1500}

#: Of each partition what is in the log, in order: offset, subject and id of an event.
Log = Mapping[Partition, Sequence[tuple[str, str, str]]]
Begin = Callable[..., AbstractContextManager["Told"]]


@dataclass
class Told:
    """A story, and the rows that it leaves."""

    story: Any  # the Story of one of the brokers
    store: Store
    read_log: Callable[[], Log]
    #: How many events of each partition lie before the projection's start.
    before: dict[Partition, int] = field(default_factory=dict)

    @property
    def fleet(self) -> Fleet:
        found: Fleet = self.story.fleet
        return found

    def counted(self) -> int:
        """How many events the rows say that they hold."""
        return sum(events for _, _, events, _ in self.store.rows()[PROGRESS.name])

    def last(self) -> dict[Partition, str]:
        """How far the rows say that they have come."""
        found = self.store.rows()[PROGRESS.name]
        return {Partition(topic, number): last for topic, number, _, last in found}

    def goes_on(self, events: int = 1) -> None:
        """Waits for so many events more in the rows."""
        before = self.counted()
        eventually(lambda: self.counted() >= before + events, "the rows go on")

    def ends(self) -> None:
        """Waits until everything is in the rows, and the offset store says so too."""
        published = sum(map(len, self.fleet.expected.values()))
        eventually(lambda: self.counted() >= published, "everything is in the rows")
        eventually(self.fleet.everything_is_committed, "everything is committed")

    def wrong(self) -> dict[str, list[str]]:
        """Where the rows are not what the log makes of them; the first few of each table."""
        log = self.read_log()
        ours = {at: events[self.before.get(at, 0) :] for at, events in log.items()}
        expected, found = expected_rows(ours), self.store.rows()
        wrong = {}
        for table in TABLES:
            wanted = {table.key_of(row): row for row in expected[table.name]}
            there = {table.key_of(row): row for row in found[table.name]}
            differing = [
                key for key in wanted.keys() | there.keys() if wanted.get(key) != there.get(key)
            ]
            if differing:
                wrong[table.name] = [
                    f"{there.get(key)} and not {wanted.get(key)}" for key in sorted(differing)[:5]
                ]
        return wrong

    def begins_here(self) -> None:
        """What was published so far is not for the projection."""
        for partition, offsets in self.fleet.expected.items():
            self.before[partition] = len(offsets)
            offsets.clear()

    def epochs(self) -> dict[str, list[int]]:
        """Of each partition the epochs under which it was claimed, as the workers' logs tell them by time."""
        lines = [line for each in self.fleet.processes for line in each.said("claimed")]
        found: dict[str, list[int]] = {}
        for line in sorted(lines, key=lambda line: str(line["time"])):
            found.setdefault(str(line["partition"]), []).append(int(line["epoch"]))
        return found

    def held(self, place: str) -> Process:
        """A worker that waits at the place."""
        self.fleet.hold(place)
        worker = self.fleet.spawn()
        eventually(lambda: self.fleet.held(worker), f"a worker is held at {place}")
        return worker

    def lets_go(self, worker: Process) -> None:
        """Waits until the worker knows that another has taken over; how it hears of it differs."""
        words = ("rejoining", "lost", "revoked")
        eventually(lambda: any(worker.said(word) for word in words), "it let go")

    def halts(self) -> dict[str, str]:
        """The partitions that halted in any worker, each with the reason."""
        lines = [line for each in self.fleet.processes for line in each.said("halted")]
        return {str(line["partition"]): str(line["cause"]) for line in lines}


def expected_rows(log: Log) -> Rows:
    """The rows that the log makes, by a fold that knows nothing of batches and stores."""
    chain: dict[str, tuple[int, str]] = {}
    totals: dict[int, tuple[int, int]] = {}
    for partition, events in log.items():
        for offset, subject, event_id in events:
            links, before = chain.get(subject, (0, ""))
            hashed = link(before, partition.topic, partition.number, offset, event_id)
            chain[subject] = (links + 1, hashed)
            count, total = totals.get(bucket(event_id), (0, 0))
            totals[bucket(event_id)] = (count + 1, total + int(event_id))
    return {
        CHAIN.name: {(subject, *row) for subject, row in chain.items()},
        TOTALS.name: {(at, *row) for at, row in totals.items()},
        PROGRESS.name: {
            (partition.topic, partition.number, len(events), events[-1][0])
            for partition, events in log.items()
            if events
        },
    }


@contextmanager
def on_kafka(
    broker: Broker,
    redis_url: str,
    folder: Path,
    store: Store,
    *,
    naive: bool = False,
    projection: Mapping[str, Any] | None = None,
    source: Mapping[str, Any] | None = None,
    **more: Any,
) -> Iterator[Told]:
    """Events on Kafka; `naive` is a projector that writes its rows in transactions of its own."""
    with kafka.story(
        broker,
        redis_url,
        folder,
        config=SESSION,
        projection={**_projecting(store, naive=naive), **(projection or {})},
        source={"codec": "tests.chain:Holding", **(source or {})},
        **more,
    ) as story:
        yield Told(story, store, lambda: kafka_log(broker, story.topic))


@contextmanager
def on_streams(
    url: str, folder: Path, store: Store, *, naive: bool = False, **more: Any
) -> Iterator[Told]:
    """The same on Redis Streams."""
    projection = _projecting(store, naive=naive)
    with streams.story({"url": url}, folder, projection=projection, **more) as story:
        yield Told(story, store, lambda: streams_log(story))


def _projecting(store: Store, *, naive: bool) -> dict[str, Any]:
    if naive:
        return {"projector": "tests.chain:Separate"}
    return {"projector": "tests.chain:Chain", "read_model": store.settings}


def kafka_log(broker: Broker, topic: str) -> Log:
    """All that is in the topic, by a reader of its own."""
    reader = Consumer(
        {
            "bootstrap.servers": broker.bootstrap,
            "group.id": fresh("log"),
            "enable.partition.eof": True,
        }
    )
    numbers = set(reader.list_topics(topic, timeout=10).topics[topic].partitions)
    log: dict[Partition, list[tuple[str, str, str]]] = {
        Partition(topic, n): [] for n in sorted(numbers)
    }
    reader.assign([TopicPartition(topic, number, 0) for number in numbers])
    while numbers:
        for message in reader.consume(1000, 0.1):
            number, error, value = message.partition(), message.error(), message.value()
            assert number is not None
            if error is not None:
                assert error.code() == KafkaError._PARTITION_EOF, error
                numbers.discard(number)
                continue
            assert value is not None
            event = json.loads(value)
            log[Partition(topic, number)].append(
                (str(message.offset()), event["subject"], event["id"])
            )
    reader.close()
    return log


def streams_log(story: streams.Story) -> Log:
    """All that is in the streams."""
    log = {}
    for partition in story.partitions:
        entries = story.client.xrange(f"{story.topic}:{partition.number}")
        log[partition] = [
            (at.decode(), fields[b"subject"].decode(), fields[b"id"].decode())
            for at, fields in entries
        ]
    return log
