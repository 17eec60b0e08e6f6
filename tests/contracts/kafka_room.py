"""A real broker's topics for tests, and a membership that records what a source tells it."""

from __future__ import annotations

import ctypes
import itertools
import os
import subprocess
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import confluent_kafka
from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions, NewTopic

from consumer.adapters.kafka.source import KafkaSource
from consumer.embedded.kafka import jars, java
from consumer.errors import ConsumerError, OffsetLost, Transient
from consumer.model.custody import another_log
from consumer.model.position import Claim, IntOffset, LogIdentity, Offset, Partition
from consumer.model.record import Fetched
from consumer.model.start import BEGINNING, Start

SECONDS = 30.0

#: A broker for tests lets sessions be short; fast heartbeats make rebalances fast.
QUICK = {"session.timeout.ms": 6000, "heartbeat.interval.ms": 300}


class Broker:
    """A broker's topics: made, filled, cut and compacted."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self.admin = AdminClient({"bootstrap.servers": bootstrap})

    @property
    def config(self) -> dict[str, Any]:
        return {"bootstrap.servers": self.bootstrap, **QUICK}

    def topic(self, partitions: int = 1, **config: object) -> str:
        name = f"t-{uuid.uuid4().hex[:12]}"
        settings = {key.replace("_", "."): str(value) for key, value in config.items()}
        self.admin.create_topics([NewTopic(name, partitions, 1, config=settings)])[name].result(20)
        eventually(lambda: self._leads(name, partitions), "the topic has leaders")
        return name

    def _leads(self, name: str, partitions: int) -> bool:
        found = self.admin.list_topics(name, timeout=5).topics[name]
        return (
            found.error is None
            and len(found.partitions) == partitions
            and all(each.leader >= 0 for each in found.partitions.values())
        )

    def grow(self, topic: str, partitions: int) -> None:
        self.admin.create_partitions([NewPartitions(topic, partitions)])[topic].result(20)
        eventually(lambda: self._leads(topic, partitions), "the new partitions have leaders")

    def make_anew(self, topic: str, partitions: int = 1) -> None:
        """Deletes the topic and makes another one of the same name."""
        self.admin.delete_topics([topic])[topic].result(20)

        def is_made() -> bool:
            with suppress(KafkaException):  # the old one is still on its way out
                self.admin.create_topics([NewTopic(topic, partitions, 1)])[topic].result(20)
                return True
            return False

        eventually(is_made, "the topic was made anew")
        eventually(lambda: self._leads(topic, partitions), "the new topic has leaders")

    def cut(self, topic: str, number: int, before: int) -> None:
        """Deletes the records before an offset, as retention does."""
        place = TopicPartition(topic, number, before)
        for answer in self.admin.delete_records([place]).values():
            answer.result(20)

    def fill(self, topic: str, count: int, *, number: int = 0, first: int = 0, **more: Any) -> None:
        producer = Producer({"bootstrap.servers": self.bootstrap, "linger.ms": 0})
        for n in range(first, first + count):
            given = {"key": b"k", "value": b"%d" % n, **more}
            producer.produce(topic, partition=number, **given)
            if n % 1000 == 0:
                producer.poll(0)
        assert producer.flush(20) == 0

    def produce_raw_header(self, topic: str, name: bytes, value: bytes) -> None:
        """A record with a header whose name the Python client would refuse: through librdkafka's C."""
        folder = Path(confluent_kafka.__file__).parent.parent / "confluent_kafka.libs"
        (path,) = folder.glob("librdkafka*.so*")
        lib, error = ctypes.CDLL(str(path)), ctypes.create_string_buffer(512)
        for made in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_headers_new"):
            getattr(lib, made).restype = ctypes.c_void_p
        conf = ctypes.c_void_p(lib.rd_kafka_conf_new())
        lib.rd_kafka_conf_set(
            conf, b"bootstrap.servers", self.bootstrap.encode(), error, ctypes.c_size_t(512)
        )
        client = ctypes.c_void_p(lib.rd_kafka_new(0, conf, error, ctypes.c_size_t(512)))
        headers = ctypes.c_void_p(lib.rd_kafka_headers_new(ctypes.c_size_t(1)))
        lib.rd_kafka_header_add(
            headers, name, ctypes.c_ssize_t(len(name)), b"v", ctypes.c_ssize_t(1)
        )
        # RD_KAFKA_VTYPE_TOPIC 1, VALUE 4, HEADERS 10, END 0
        lib.rd_kafka_producev(
            client,
            *(ctypes.c_int(1), topic.encode()),
            *(ctypes.c_int(4), value, ctypes.c_size_t(len(value))),
            *(ctypes.c_int(10), headers),
            ctypes.c_int(0),
        )
        assert lib.rd_kafka_flush(client, 10_000) == 0
        lib.rd_kafka_destroy(client)

    def shown(self, group: str) -> dict[Partition, int]:
        """The offsets of a group as its coordinator tells them: the next ones to read."""
        try:  # on a cluster without groups so far the question below would crash the process
            self.admin.describe_consumer_groups([group], request_timeout=10)[group].result()
        except KafkaException:
            return {}
        asked = [ConsumerGroupTopicPartitions(group)]
        answer = self.admin.list_consumer_group_offsets(asked, request_timeout=10)[group].result()
        return {Partition(at.topic, at.partition): at.offset for at in answer.topic_partitions}

    def end(self, topic: str, number: int = 0) -> int:
        """The offset behind all that a reader can read, found by reading to there."""
        reader = Consumer(
            {
                "bootstrap.servers": self.bootstrap,
                "group.id": uuid.uuid4().hex,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
            }
        )
        reader.assign([TopicPartition(topic, number, 0)])
        while True:
            message = reader.poll(10)
            assert message is not None
            error = message.error()
            if error is not None and error.code() == KafkaError._PARTITION_EOF:
                reader.close()
                end = message.offset()
                assert end is not None
                return end

    def transact(
        self, topic: str, *values: bytes, number: int = 0, commit: bool | None = True
    ) -> Producer:
        """One transaction with the values; `commit=None` leaves it open."""
        producer = Producer(
            {"bootstrap.servers": self.bootstrap, "transactional.id": uuid.uuid4().hex}
        )
        producer.init_transactions(20)
        producer.begin_transaction()
        for value in values:
            producer.produce(topic, value, partition=number)
        producer.flush(20)
        if commit is True:
            producer.commit_transaction(20)
        elif commit is False:
            producer.abort_transaction(20)
        return producer


def eventually(condition: Callable[[], object], what: str, seconds: float = SECONDS) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"never happened: {what}"
        time.sleep(0.02)


class Recording:
    """A `Membership` that grants claims, but to another log, and writes everything down."""

    def __init__(
        self,
        checkpoints: Mapping[int, int] | None = None,
        *,
        start: Start = BEGINNING,
        refusals: int = 0,
    ) -> None:
        self.checkpoints = dict(checkpoints or {})
        self.start = start
        #: So many times each partition is not granted; negative: never.
        self.refusals = refusals
        self.asked: list[Partition] = []
        self.logs: dict[Partition, LogIdentity] = {}
        self.claims: dict[Partition, Claim] = {}
        self.told: list[tuple[str, tuple[Partition, ...]]] = []
        self.halts: list[Partition] = []
        self.halted: dict[Partition, OffsetLost] = {}
        self.troubles: list[ConsumerError] = []
        self.unshown: list[Exception] = []
        self._epochs = itertools.count(1)

    def claim(
        self, partition: Partition, log: LogIdentity, first: Callable[[Start], Offset]
    ) -> Claim | None:
        self.asked.append(partition)
        known = self.logs.setdefault(partition, log)
        if known.id != log.id and partition not in self.halted:
            self.halt(partition, another_log("p", partition, known, log))
        if partition in self.halted:
            return None
        if self.refusals < 0 or self.asked.count(partition) <= self.refusals:
            return None
        if partition.number in self.checkpoints:
            offset: Offset = IntOffset(self.checkpoints[partition.number])
        else:
            try:
                offset = first(self.start)
            except Transient as trouble:
                self.troubles.append(trouble)
                return None
        claim = Claim("p", partition, next(self._epochs), uuid.uuid4().hex, offset)
        self.claims[partition] = claim
        return claim

    def revoked(self, partitions: Collection[Partition]) -> None:
        self._gone("revoked", partitions)

    def lost(self, partitions: Collection[Partition]) -> None:
        self._gone("lost", partitions)

    def halt(self, partition: Partition, cause: OffsetLost) -> None:
        self.halts.append(partition)
        self.halted[partition] = cause

    def unmirrored(self, cause: Exception) -> None:
        self.unshown.append(cause)

    def _gone(self, how: str, partitions: Collection[Partition]) -> None:
        self.told.append((how, tuple(sorted(partitions))))
        for partition in partitions:
            self.claims.pop(partition, None)

    def partitions(self, how: str) -> list[Partition]:
        return [each for told, them in self.told if told == how for each in them]


class Member:
    """A source and its membership; `settled` says how far each partition was handed out."""

    def __init__(self, source: KafkaSource, membership: Recording) -> None:
        self.source = source
        self.membership = membership
        self.fetched: list[Fetched] = []
        self.paused: set[Partition] = set()

    def poll(self, wait: float = 0.1) -> list[Fetched]:
        arrived = []
        for each in self.source.poll(self.paused, wait):
            current = self.membership.claims.get(each.claim.partition)
            assert each.claim is current, "handed out without a claim that holds"
            arrived.append(each)
            self.fetched.append(each)
        return arrived

    def poll_until(self, condition: Callable[[], object], what: str) -> None:
        until = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < until, f"never happened: {what}"
            self.poll()

    def values(self, number: int | None = None) -> list[int]:
        return [
            int(record.value or b"-1")
            for each in self.fetched
            if number in {None, each.claim.partition.number}
            for record in each.records
        ]

    def offsets(self, number: int = 0) -> list[int]:
        return [
            int(str(record.offset))
            for each in self.fetched
            if each.claim.partition.number == number
            for record in each.records
        ]

    def through(self, number: int = 0) -> int | None:
        last = [each for each in self.fetched if each.claim.partition.number == number]
        return int(str(last[-1].through)) if last else None

    def owned(self, topic: str, partitions: int) -> list[int]:
        return [n for n in range(partitions) if self.source.owns(Partition(topic, n))]


def poll_all(members: Iterable[Member], condition: Callable[[], object], what: str) -> None:
    them = list(members)
    until = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < until, f"never happened: {what}"
        for member in them:
            member.poll(0.02)


def compacted(broker: Broker, topic: str) -> Callable[[], bool]:
    """Whether the log start's records are gone, asked of the broker by reading from the start."""

    def is_compacted() -> bool:
        reader = Consumer(
            {
                "bootstrap.servers": broker.bootstrap,
                "group.id": uuid.uuid4().hex,
                "enable.partition.eof": True,
            }
        )
        with suppress(KafkaException):
            reader.assign([TopicPartition(topic, 0, 0)])
            first = reader.poll(10)
            assert first is not None
            found = first.offset() or 0
            reader.close()
            return found > 0
        return False

    return is_compacted


class Told(NamedTuple):
    """What Kafka's own tool tells of a group on a partition."""

    current: int
    end: int
    lag: int


def described(bootstrap: str, group: str) -> dict[Partition, Told]:
    """What `kafka-consumer-groups.sh --describe` prints of the group, where it has offsets."""
    done = subprocess.run(
        [
            *(str(java()), "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
            *("-cp", os.pathsep.join(map(str, jars()))),
            "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
            *("--bootstrap-server", bootstrap, "--describe", "--offsets", "--group", group),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    rows = [line.split() for line in done.stdout.splitlines()]
    return {
        Partition(row[1], int(row[2])): Told(int(row[3]), int(row[4]), int(row[5]))
        for row in rows
        if len(row) > 5 and row[0] == group and row[3] != "-"
    }
