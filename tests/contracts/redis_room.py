"""A real server's streams for tests, and a fleet that writes down what its sources tell."""

from __future__ import annotations

import itertools
import time
import uuid
from collections.abc import Callable, Collection, Iterable
from typing import Any

from consumer.adapters.redis.connection import Client, connect
from consumer.adapters.redis.stream_source import RedisStreamSource
from consumer.adapters.redis.streams import register
from consumer.embedded.process import exchange, free_port
from consumer.embedded.valkey import Valkey
from consumer.errors import OffsetLost, Transient
from consumer.model.position import Claim, LogIdentity, Offset, Partition, StreamOffset
from consumer.model.record import Fetched
from consumer.model.start import BEGINNING, Start

SECONDS = 30.0

#: Long enough for a busy machine, short enough to wait for.
LEASE = 1.0


def fresh(name: str) -> str:
    return f"{name}-{uuid.uuid4().hex[:12]}"


def at(text: str) -> StreamOffset:
    milliseconds, _, sequence = text.partition("-")
    return StreamOffset(int(milliseconds), int(sequence))


def eventually(condition: Callable[[], object], what: str, seconds: float = SECONDS) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"never happened: {what}"
        time.sleep(0.01)


def cluster_of_one(make: Callable[..., Valkey]) -> Valkey:
    """A cluster that one master is all of; `make` is the fixture `own_valkey`."""
    server = make(options=("--cluster-enabled", "yes", "--cluster-port", str(free_port())))
    admin: Any = connect(server.url)
    admin.execute_command("CLUSTER ADDSLOTSRANGE", 0, 16383)
    admin.close()
    eventually(lambda: b"cluster_state:ok" in exchange(server.port, b"CLUSTER INFO\r\n"), "forms")
    return server


class Streams:
    """The streams of one topic: filled and cut by a test."""

    def __init__(self, client: Client, count: int = 1) -> None:
        self.client: Any = client
        self.topic = fresh("orders")
        self.count = count
        self.log = register(client, self.topic, count)

    def name(self, number: int = 0) -> str:
        return f"{self.topic}:{number}"

    def partition(self, number: int = 0) -> Partition:
        return Partition(self.topic, number)

    def add(self, value: object, number: int = 0, *, entry_id: str = "*") -> str:
        added: bytes = self.client.xadd(self.name(number), {"data": str(value)}, id=entry_id)
        return added.decode()

    def fill(self, values: Iterable[int], number: int = 0) -> None:
        """Entries `value-0` that hold the value, which is above 0."""
        for value in values:
            self.add(value, number, entry_id=f"{value}-0")

    def keep(self, length: int, number: int = 0) -> None:
        """Trims all but the last entries."""
        self.client.xtrim(self.name(number), maxlen=length, approximate=False)


class Recording:
    """A `Membership` that grants claims, as long as nothing halted, and writes everything down."""

    def __init__(
        self, checkpoints: dict[Partition, Offset] | None = None, *, start: Start = BEGINNING
    ) -> None:
        #: May be shared by a fleet.
        self.checkpoints = {} if checkpoints is None else checkpoints
        self.start = start
        self.asked: list[Partition] = []
        self.logs: dict[Partition, LogIdentity] = {}
        self.claims: dict[Partition, Claim] = {}
        self.told: list[tuple[str, tuple[Partition, ...]]] = []
        self.halted: dict[Partition, OffsetLost] = {}
        self.unmirrored_by: list[Exception] = []
        self.refuses = False
        self._epochs = itertools.count(1)

    def claim(
        self, partition: Partition, log: LogIdentity, first: Callable[[Start], Offset]
    ) -> Claim | None:
        self.asked.append(partition)
        self.logs[partition] = log
        if partition in self.halted or self.refuses:
            return None
        if partition not in self.checkpoints:
            try:
                self.checkpoints[partition] = first(self.start)
            except Transient:
                return None
        offset = self.checkpoints[partition]
        claim = Claim("p", partition, next(self._epochs), uuid.uuid4().hex, offset)
        self.claims[partition] = claim
        return claim

    def revoked(self, partitions: Collection[Partition]) -> None:
        self._gone("revoked", partitions)

    def lost(self, partitions: Collection[Partition]) -> None:
        self._gone("lost", partitions)

    def halt(self, partition: Partition, cause: OffsetLost) -> None:
        self.halted[partition] = cause

    def unmirrored(self, cause: Exception) -> None:
        self.unmirrored_by.append(cause)

    def _gone(self, how: str, partitions: Collection[Partition]) -> None:
        self.told.append((how, tuple(sorted(partitions))))
        for partition in partitions:
            self.halted.pop(partition, None)
            self.claims.pop(partition, None)

    def heard(self, how: str) -> list[Partition]:
        return [each for told, them in self.told if told == how for each in them]


class Member:
    """A source and its membership; what it hands out counts as applied and committed."""

    def __init__(self, source: RedisStreamSource, membership: Recording) -> None:
        self.source = source
        self.membership = membership
        self.fetched: list[Fetched] = []
        self.paused: set[Partition] = set()

    def poll(self, wait: float = 0.05) -> list[Fetched]:
        arrived = []
        for each in self.source.poll(self.paused, wait):
            partition = each.claim.partition
            assert each.claim is self.membership.claims.get(partition), "no claim that holds"
            if self.source.owns(partition):
                self.membership.checkpoints[partition] = each.through
                self.source.mirror(partition, each.through)
                arrived.append(each)
                self.fetched.append(each)
        return arrived

    def poll_until(self, condition: Callable[[], object], what: str) -> None:
        poll_all([self], condition, what)

    def values(self, number: int | None = None) -> list[int]:
        return [
            int(record.value or b"-1")
            for each in self.fetched
            if number in {None, each.claim.partition.number}
            for record in each.records
        ]

    def owned(self, streams: Streams) -> set[int]:
        numbers = range(streams.count)
        return {number for number in numbers if self.source.owns(streams.partition(number))}

    def claimed(self) -> set[int]:
        return {partition.number for partition in self.membership.claims}

    def die(self) -> None:
        """As with SIGKILL: nothing is given back."""
        assert self.source._joined is not None
        self.source._joined[1]._heartbeat.stop()

    def close(self) -> None:
        self.source.close()


def poll_all(members: Iterable[Member], condition: Callable[[], object], what: str) -> None:
    them = list(members)
    until = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < until, f"never happened: {what}"
        for member in them:
            member.poll(0.01)
