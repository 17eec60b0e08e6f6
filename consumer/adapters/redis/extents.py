"""What Redis tells of a stream: how long it is, and where it begins and ends."""

from __future__ import annotations

from typing import Any

import msgspec
from redis.exceptions import ResponseError

from consumer.adapters.redis.connection import Client, reachable
from consumer.adapters.redis.ids import offset_of
from consumer.adapters.redis.streams import stream_name
from consumer.model.position import Partition, StreamOffset


class Extent(msgspec.Struct, frozen=True):
    """What Redis tells of a stream that exists."""

    length: int
    #: The id of the entry added last, whether it is still there or not.
    last_added: StreamOffset
    #: The first and the last entry that are there; None while there are none.
    first: StreamOffset | None
    last: StreamOffset | None
    #: How many entries were ever added; None before Redis 7.0, which does not count them.
    added: int | None

    @property
    def end(self) -> StreamOffset:
        """Where nothing is left to apply."""
        return self.last or self.last_added


def extent(client: Client, partition: Partition) -> Extent | None:
    """What Redis tells of the partition's stream; None where there is no such key."""
    with reachable(f"describe the stream of {partition}"):
        try:
            found: dict[str, Any] = client.xinfo_stream(stream_name(partition))
        except ResponseError as cause:
            if "no such key" in str(cause):
                return None
            raise
    return Extent(
        length=found["length"],
        last_added=offset_of(found["last-generated-id"]),
        first=_entry(found["first-entry"]),
        last=_entry(found["last-entry"]),
        added=found.get("entries-added"),
    )


def _entry(found: Any) -> StreamOffset | None:
    return offset_of(found[0]) if found else None
