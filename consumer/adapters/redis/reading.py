"""Reading streams from our own offsets, so that nothing is jumped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from redis import RedisCluster

from consumer.adapters.redis.connection import Client, reachable
from consumer.adapters.redis.continuity import follows, loss, what_is_missing
from consumer.adapters.redis.entries import Entry
from consumer.adapters.redis.streams import ZERO, before, extent, offset_of, stream_name
from consumer.errors import OffsetLost
from consumer.model.position import Claim, Partition, StreamOffset


class Reading:
    """A claimed stream, and how far it was read."""

    def __init__(self, claim: Claim) -> None:
        offset = claim.offset
        if not isinstance(offset, StreamOffset):
            raise OffsetLost(
                f"the checkpoint {offset} of {claim.projection} in {claim.partition} is no id of a "
                "stream: it was made on another kind of log; reset the projection's offsets"
            )
        self.claim = claim
        self.name = stream_name(claim.partition)
        #: The last entry read.
        self.through = offset
        #: How many entries had been added to the stream up to there, where that is known.
        self._counted = 0 if offset == ZERO else None
        self._end_is_known = False

    @property
    def partition(self) -> Partition:
        """The partition read."""
        return self.claim.partition

    def advance(self, entries: Sequence[Entry]) -> None:
        """Notes that these were read."""
        self.through = offset_of(entries[-1][0])
        self._end_is_known = False
        if self._counted is not None:
            self._counted += len(entries)

    def behind(self, entries: Sequence[Entry], client: Client) -> Sequence[Entry]:
        """Those of the entries that are not read yet, all of them there.

        `entries` were read from just below `through`, so the first must be the one read last; where
        it is not, others could have been trimmed with it. Raises `OffsetLost` unless they were not.
        """
        first = offset_of(entries[0][0]) if entries else None
        proven = first is not None and follows(self.through, first)
        if first == self.through:
            entries = entries[1:]
        if proven and (entries or self._end_is_known):
            return entries
        if self.through == ZERO and not entries:
            return entries
        found = extent(client, self.partition)
        if not proven and (missing := what_is_missing(self.through, self._counted, found)):
            raise OffsetLost(loss(self.partition, self.through, missing))
        if not entries and found is not None and found.end <= self.through:
            self._counted = found.added
        self._end_is_known = True
        return entries


def read(
    client: Client, readings: Sequence[Reading], limit: int
) -> list[tuple[Reading, Sequence[Entry]]]:
    """What comes behind each reading, up to `limit` entries each, from the one read last on.

    In one round trip, on a cluster in one a node: its streams lie in different slots, which one
    command cannot name together.
    """
    starts = {reading.name: str(before(reading.through)) for reading in readings}
    found: Mapping[bytes, Sequence[Entry]]
    with reachable(f"read {len(starts)} streams"):
        if isinstance(client, RedisCluster):
            pipeline: Any = client.pipeline()  # type: ignore[no-untyped-call]  # redis-py's
            for name, start in starts.items():
                pipeline.xread({name: start}, count=limit + 1)
            found = {name: entries for reply in pipeline.execute() for name, entries in reply}
        else:
            reply: Any = client.xread(starts, count=limit + 1)  # type: ignore[arg-type]  # dict is invariant
            found = dict(reply)
    return [(reading, found.get(reading.name.encode(), ())) for reading in readings]


def wait_for_more(client: Client, readings: Sequence[Reading], seconds: float) -> None:
    """Returns when an entry was added behind one of the readings, or after `seconds` at the latest."""
    ends = {reading.name: str(reading.through) for reading in readings}
    with reachable(f"wait for entries in {len(ends)} streams"):
        client.xread(ends, count=1, block=max(1, int(seconds * 1000)))  # type: ignore[arg-type]  # as above
