"""The `Mirror` on Redis Streams, for a projection without workers."""

from __future__ import annotations

from collections.abc import Mapping

from consumer.adapters.redis.connection import Client, reachable
from consumer.adapters.redis.mirroring import show
from consumer.adapters.redis.own_groups import mark
from consumer.adapters.redis.tallies import Tally
from consumer.model.position import Offset, Partition, StreamOffset

#: Entries that are counted to tell the group's lag, which takes some seconds; beyond, workers find it.
_COUNTED_AT_MOST = 2_000_000


class RedisMirror:
    """A consumer group named like the projection, on each stream; offsets of other logs are left out."""

    def __init__(self, client: Client, *, group: str) -> None:
        self._client = client
        self._group = group

    def show(self, offsets: Mapping[Partition, Offset]) -> None:
        """As `Mirror.show`; `Misconfigured` where the ACL forbids it, or others read in the group."""
        tallies = {
            partition: Tally(offset)
            for partition, offset in offsets.items()
            if isinstance(offset, StreamOffset)
        }
        mark(self._client, {partition.topic for partition in tallies}, self._group)
        show(self._client, self._group, tallies, counted_at_most=_COUNTED_AT_MOST)

    def close(self) -> None:
        """As `Mirror.close`."""
        with reachable("let its connections go"):
            self._client.close()
