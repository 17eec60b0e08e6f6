"""Where a projection that never ran begins in a stream."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from redis.exceptions import ResponseError

from consumer.adapters.redis.connection import Client, reachable
from consumer.adapters.redis.extents import extent
from consumer.adapters.redis.ids import ZERO, offset_of
from consumer.adapters.redis.streams import stream_name
from consumer.errors import Misconfigured
from consumer.model.position import Partition, StreamOffset
from consumer.model.start import Start

_EPOCH, _MILLISECOND = datetime.fromtimestamp(0, UTC), timedelta(milliseconds=1)


def first_offset(client: Client, partition: Partition, start: Start) -> StreamOffset:
    """The place behind which the first entry to be read stands.

    It is an entry's id, or the id just below one, so that the next read can tell whether anything
    was trimmed meanwhile. Raises `Transient`, and `Misconfigured` where the stream has no such group.
    """
    found = extent(client, partition)
    if found is None:
        return ZERO  # nobody has added to it yet, so no group can be ahead
    if start.at == "group":
        return _as_group(client, partition, start.group or "")
    if start.at == "end":
        return found.end
    if start.at == "time" and start.time is not None:
        return _since(client, partition, start.time) or found.end
    if found.added == found.length:
        return ZERO  # nothing was trimmed; if it is from now on, the count will tell
    return found.first.previous if found.first else found.last_added


def _since(client: Client, partition: Partition, time: datetime) -> StreamOffset | None:
    """Just below the first entry at or after `time`; None if there is none."""
    # Rounded up, for an entry before that moment is not wanted; a float would round either way.
    milliseconds = max(0, -((_EPOCH - time) // _MILLISECOND))
    with reachable(f"find the first entry of {partition} since {time.isoformat()}"):
        found: Any = client.xrange(stream_name(partition), min=f"{milliseconds}-0", count=1)
    return offset_of(found[0][0]).previous if found else None


def _as_group(client: Client, partition: Partition, group: str) -> StreamOffset:
    """The group's last delivered entry, or just below the first that it has not acknowledged."""
    name = stream_name(partition)
    with reachable(f"read the offset of the group {group} in {partition}"):
        try:
            groups: Any = client.xinfo_groups(name)
            pending: Any = client.xpending(name, group)
        except ResponseError as cause:
            if not str(cause).startswith("NOGROUP"):
                raise
            raise Misconfigured(
                f"the stream {name} has no consumer group {group} to start from: name one that it "
                "has, or start from the beginning, the end or a time"
            ) from cause
    delivered = next(found for found in groups if found["name"] == group.encode())
    if pending["min"] is not None:
        return offset_of(pending["min"]).previous
    return offset_of(delivered["last-delivered-id"])
