"""The `Source` on Redis Streams: a topic is N streams, shared among the workers by leases."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from functools import partial
from time import monotonic, sleep

from consumer.adapters.redis.connection import Client
from consumer.adapters.redis.entries import records
from consumer.adapters.redis.lease_table import LeaseTable
from consumer.adapters.redis.mirroring import Mirroring
from consumer.adapters.redis.own_groups import mark
from consumer.adapters.redis.ownership import Ownership
from consumer.adapters.redis.reader import Entries, reader
from consumer.adapters.redis.reading import Reading
from consumer.adapters.redis.starts import first_offset
from consumer.adapters.redis.streams import existing
from consumer.errors import OffsetLost, SourceFailed, Transient
from consumer.model.position import LogIdentity, Offset, Partition, StreamOffset
from consumer.model.record import Fetched
from consumer.ports.source import Membership

#: Entries that one poll reads at most, over all streams; so memory is bounded however many there are.
_POLLED_AT_MOST = 10_000

_Found = list[tuple[Reading, Entries]]


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
        mirror: bool = True,
    ) -> None:
        self._client = client
        self._reader = reader(client)
        self._topics = topics
        self._streams = streams
        self._owner = owner
        self._lease_seconds = lease_seconds
        self._batch_size = batch_size
        self._group = projection if mirror else None
        self._tables = [
            LeaseTable(client, prefix=prefix, projection=projection, topic=topic)
            for topic in topics
        ]
        self._logs: dict[str, LogIdentity] = {}
        #: From `open` to `close`.
        self._joined: tuple[Membership, Ownership] | None = None
        #: From `open` on, unless it is not wanted.
        self._mirroring: Mirroring | None = None
        self._readings: dict[Partition, Reading] = {}
        #: Whether all was read, so that waiting for more is enough: reading repeats the last entries.
        self._is_quiet = False

    def open(self, membership: Membership) -> None:
        """As `Source.open`; `Misconfigured` where a topic is not there, or has another number of streams."""
        try:
            self._logs = {
                topic: existing(self._client, topic, self._streams) for topic in self._topics
            }
            if self._group is not None:
                mark(self._client, self._topics, self._group)
        except Transient as cause:
            raise SourceFailed(str(cause)) from cause
        ownership = Ownership(
            self._tables,
            streams=self._streams,
            owner=self._owner,
            lease_seconds=self._lease_seconds,
            membership=membership,
            giving_back=self._show,
            gone=self._stop_reading,
        )
        if self._group is not None:
            self._mirroring = Mirroring(self._client, self._group, unmirrored=membership.unmirrored)
        self._joined = membership, ownership

    def poll(self, paused: Collection[Partition], wait: float) -> Iterator[Fetched]:
        """As `Source.poll`; an outage of Redis yields nothing, and leases that run out in it are lost."""
        if self._joined is None:
            return
        membership, ownership = self._joined
        until = monotonic() + wait
        try:
            looked = ownership.look_after()
            if looked:
                self._is_quiet = False  # what was trimmed shows in reading, not in waiting
            if self._claim(membership, ownership) or looked:
                self._keep_mirrored()
            readings = [
                reading
                for partition, reading in self._readings.items()
                if partition not in paused and ownership.owns(partition)
            ]
            found = self._arrived(readings, min(until, ownership.next_look))
        except Transient:
            ownership.lose_what_ran_out()
            _rest(until)
            return
        if any(len(entries) >= self._limit(readings) for _, entries in found):
            self._reader.read_ahead(readings, found, self._limit(readings))
        for reading, entries in found:
            if self._readings.get(reading.partition) is not reading:
                continue  # given back, or lost, while what was read before was applied
            reading.advance(entries)
            yield Fetched(
                reading.claim, records(reading.partition, entries), through=reading.through
            )
            with suppress(Transient):  # the next poll meets it again
                if ownership.look_after():
                    self._keep_mirrored()

    def owns(self, partition: Partition) -> bool:
        """As `Source.owns`."""
        return self._joined is not None and self._joined[1].owns(partition)

    def joined(self) -> bool:
        """As `Source.joined`: the lease tables have us, whether there is a stream for us or not."""
        return self._joined is not None and self._joined[1].is_member()

    def mirror(self, partition: Partition, offset: Offset) -> None:
        """As `Source.mirror`: the group of the projection's name is shown it, unless none is wanted."""
        reading = self._readings.get(partition)
        if reading is not None and isinstance(offset, StreamOffset):
            reading.tally.applied(offset)

    def close(self) -> None:
        """As `Source.close`."""
        if self._joined is None:
            return
        _, ownership = self._joined
        self._reader.close()
        ownership.leave()
        self._joined = None

    def _claim(self, membership: Membership, ownership: Ownership) -> bool:
        """Claims what is owned and not read yet; whether there was any."""
        before = len(self._readings)
        for partition in ownership.owned():
            if partition not in self._readings:
                first = partial(first_offset, self._client, partition)
                claim = membership.claim(partition, self._logs[partition.topic], first)
                if claim is not None:
                    try:
                        self._readings[partition] = Reading(claim)
                    except OffsetLost as cause:
                        membership.halt(partition, cause)
        return len(self._readings) > before

    def _keep_mirrored(self) -> None:
        """Once a look at the leases went through, or a claim: in an outage nothing waits for it, too."""
        if self._mirroring is not None:
            self._mirroring.look_after(
                {partition: reading.tally for partition, reading in self._readings.items()}
            )

    def _show(self, partitions: Collection[Partition]) -> None:
        """What is about to go is shown for the last time."""
        if self._mirroring is not None:
            them = {p: self._readings[p].tally for p in partitions if p in self._readings}
            self._mirroring.show({p: tally for p, tally in them.items() if tally.is_due})

    def _arrived(self, readings: Sequence[Reading], until: float) -> _Found:
        """What is there, or comes until then."""
        if not readings:
            _rest(until)
            return []
        found: _Found = []
        if not self._is_quiet or until <= monotonic():
            found = self._unread(readings)
        if not found and self._reader.wait(readings, until - monotonic()):
            found = self._unread(readings)
        self._is_quiet = not found
        return found

    def _unread(self, readings: Sequence[Reading]) -> _Found:
        """What is there to be read now, of each partition something."""
        found: _Found = []
        limit = self._limit(readings)
        for reading, entries in self._reader.read(readings, limit):
            try:
                unread = reading.behind(entries, self._client)
            except OffsetLost as cause:
                self._halt(reading.partition, cause)
                continue
            if unread:
                found.append((reading, unread[:limit]))
        return found

    def _limit(self, readings: Sequence[Reading]) -> int:
        return max(1, min(self._batch_size, _POLLED_AT_MOST // len(readings)))

    def _halt(self, partition: Partition, cause: OffsetLost) -> None:
        self._show([partition])
        self._stop_reading([partition])
        if self._joined is not None:
            self._joined[0].halt(partition, cause)

    def _stop_reading(self, partitions: Collection[Partition]) -> None:
        for partition in partitions:
            self._readings.pop(partition, None)


def _rest(until: float) -> None:
    sleep(max(0.0, until - monotonic()))
