"""The `Source` on Redis Streams: a topic is N streams, shared among the workers by leases."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from functools import partial
from time import monotonic, sleep
from uuid import uuid4

from consumer.adapters.redis.connection import Client
from consumer.adapters.redis.entries import records
from consumer.adapters.redis.lease_table import LeaseTable
from consumer.adapters.redis.leases import Heartbeat, Leases
from consumer.adapters.redis.reader import Entries, reader
from consumer.adapters.redis.reading import Reading
from consumer.adapters.redis.starts import first_offset
from consumer.adapters.redis.streams import register
from consumer.errors import OffsetLost, SourceFailed, Transient
from consumer.model.position import LogIdentity, Partition
from consumer.model.record import Fetched
from consumer.ports.source import Membership

#: Entries that one poll reads at most, over all streams; so memory is bounded however many there are.
_POLLED_AT_MOST = 10_000

#: Seconds between two looks at the lease table, at most: so soon a leaving worker's streams move.
_LONGEST_UNSEEN = 1.0


class RedisStreamSource:
    """Reads the streams of topics from our own offsets, those whose leases this worker has.

    No entry is jumped: where one that was not applied is gone, the partition halts. Every call comes
    on one thread; beside it a heartbeat keeps the leases.
    """

    def __init__(
        self,
        client: Client,
        *,
        topics: Sequence[str],
        streams: int,
        projection: str,
        owner: str,
        prefix: str,
        lease_seconds: float = 10.0,
        batch_size: int = 500,
    ) -> None:
        self._client = client
        self._reader = reader(client)
        self._topics = topics
        self._streams = streams
        self._owner = owner
        self._lease_seconds = lease_seconds
        self._batch_size = batch_size
        self._tables = {
            topic: LeaseTable(client, prefix=prefix, projection=projection, topic=topic)
            for topic in topics
        }
        self._membership: Membership | None = None
        self._logs: dict[str, LogIdentity] = {}
        self._leases: dict[str, Leases] = {}
        self._heartbeat: Heartbeat | None = None
        self._readings: dict[Partition, Reading] = {}
        self._next_look = 0.0

    def open(self, membership: Membership) -> None:
        """As `Source.open`; `Misconfigured` where the topic has another number of streams."""
        try:
            self._logs = {
                topic: register(self._client, topic, self._streams) for topic in self._topics
            }
        except Transient as cause:
            raise SourceFailed(str(cause)) from cause
        # A worker that comes back is not who it was: its former leases are not its own.
        worker = f"{self._owner}/{uuid4().hex[:12]}"
        self._leases = {
            topic: Leases(
                table,
                topic=topic,
                streams=self._streams,
                worker=worker,
                lease_seconds=self._lease_seconds,
            )
            for topic, table in self._tables.items()
        }
        self._membership = membership
        self._next_look = 0.0
        self._heartbeat = Heartbeat(list(self._leases.values()), self._lease_seconds / 3)
        self._heartbeat.start()

    def poll(self, paused: Collection[Partition], wait: float) -> Iterator[Fetched]:
        """As `Source.poll`; an outage of Redis yields nothing, and leases that run out in it are lost."""
        until = monotonic() + wait
        try:
            self._look_after_leases()
            self._claim()
            readings = self._ready(paused)
            found = self._unread(readings) or self._awaited(readings, until)
        except Transient:
            self._lose_what_ran_out()
            _rest(until)
            return
        limit = self._limit(readings)
        if any(len(entries) >= limit for _, entries in found):
            self._reader.read_ahead(readings, found, limit)
        for reading, entries in found:
            if self._readings.get(reading.partition) is not reading:
                continue  # given back, or lost, while what was read before was applied
            reading.advance(entries)
            yield Fetched(
                reading.claim, records(reading.partition, entries), through=reading.through
            )
            with suppress(Transient):  # the next poll meets it again
                self._look_after_leases()

    def owns(self, partition: Partition) -> bool:
        """As `Source.owns`."""
        leases = self._leases.get(partition.topic)
        return leases is not None and leases.owns(partition.number)

    def close(self) -> None:
        """As `Source.close`."""
        if self._membership is None:
            return
        if self._heartbeat is not None:
            self._heartbeat.stop()
        self._lose_what_ran_out()
        membership, self._membership = self._membership, None
        self._readings.clear()
        self._reader.close()
        membership.revoked(self._owned())
        for leases in self._leases.values():
            with suppress(Transient):  # then the others wait until the lease is over
                leases.leave()
        self._leases = {}

    # --- leases ----------------------------------------------------------------------------------

    def _look_after_leases(self) -> None:
        self._lose_what_ran_out()
        if monotonic() < self._next_look:
            return
        self._next_look = monotonic() + min(_LONGEST_UNSEEN, self._lease_seconds / 6)
        for topic, leases in self._leases.items():
            turn = leases.look()
            self._lose(_partitions(topic, turn.lost))
            if turn.surplus:
                self._give_back(_partitions(topic, turn.surplus))
                leases.release(turn.surplus)
            leases.take(turn)

    def _lose_what_ran_out(self) -> None:
        for topic, leases in self._leases.items():
            self._lose(_partitions(topic, leases.expired()))

    def _lose(self, partitions: Collection[Partition]) -> None:
        if partitions and self._membership:
            self._stop_reading(partitions)
            self._membership.lost(partitions)

    def _give_back(self, partitions: Collection[Partition]) -> None:
        if self._membership:
            self._stop_reading(partitions)
            self._membership.revoked(partitions)

    def _stop_reading(self, partitions: Collection[Partition]) -> None:
        for partition in partitions:
            self._readings.pop(partition, None)

    def _owned(self) -> list[Partition]:
        return [
            Partition(topic, stream)
            for topic, leases in self._leases.items()
            for stream in leases.owned()
        ]

    # --- reading ---------------------------------------------------------------------------------

    def _claim(self) -> None:
        """Claims what is owned and not read yet."""
        for partition in self._owned():
            if partition not in self._readings and self._membership:
                first = partial(first_offset, self._client, partition)
                claim = self._membership.claim(partition, self._logs[partition.topic], first)
                if claim is not None:
                    try:
                        self._readings[partition] = Reading(claim)
                    except OffsetLost as cause:
                        self._membership.halt(partition, cause)

    def _unread(self, readings: Sequence[Reading]) -> list[tuple[Reading, Entries]]:
        """What is there to be read now, of each partition something."""
        found: list[tuple[Reading, Entries]] = []
        if not readings:
            return found
        limit = self._limit(readings)
        for reading, entries in self._reader.read(readings, limit):
            try:
                unread = reading.behind(entries, self._client)
            except OffsetLost as cause:
                self._halt(reading, cause)
                continue
            if unread:
                found.append((reading, unread[:limit]))
        return found

    def _awaited(self, readings: Sequence[Reading], until: float) -> list[tuple[Reading, Entries]]:
        """What comes until then, or until it is time to look at the leases."""
        until = min(until, self._next_look)
        if not readings:
            _rest(until)
            return []
        if (seconds := until - monotonic()) <= 0:
            return []
        self._reader.wait(readings, seconds)
        return self._unread(readings)

    def _limit(self, readings: Sequence[Reading]) -> int:
        return max(1, min(self._batch_size, _POLLED_AT_MOST // max(1, len(readings))))

    def _ready(self, paused: Collection[Partition]) -> list[Reading]:
        return [
            reading
            for partition, reading in self._readings.items()
            if partition not in paused and self.owns(partition)
        ]

    def _halt(self, reading: Reading, cause: OffsetLost) -> None:
        self._stop_reading([reading.partition])
        if self._membership:
            self._membership.halt(reading.partition, cause)


def _partitions(topic: str, streams: Collection[int]) -> list[Partition]:
    return [Partition(topic, stream) for stream in streams]


def _rest(until: float) -> None:
    sleep(max(0.0, until - monotonic()))
