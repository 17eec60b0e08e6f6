"""What lies behind offsets in their streams, for whoever watches."""

from __future__ import annotations

from collections.abc import Mapping

from consumer.adapters.redis.connection import Client
from consumer.adapters.redis.counting import Behind, count
from consumer.adapters.redis.extents import extents
from consumer.adapters.redis.ids import moment
from consumer.adapters.redis.own_groups import marked
from consumer.model.lag import NO_LAG, Lag
from consumer.model.position import Partition, StreamOffset

#: Entries that are counted for one look, which keeps a server busy for less than half a second.
_COUNTED_AT_MOST = 200_000


def lags(client: Client, offsets: Mapping[Partition, StreamOffset]) -> dict[Partition, Lag]:
    """The lag of each that can be told: not that of an offset beyond whatever was added.

    What is gone from the stream does not count. Where neither Redis nor a group of a projection tells
    the number, and there is too much to count, it is a lower bound. May raise `Transient`.
    """
    ours = marked(client, {partition.topic for partition in offsets})
    found = extents(client, offsets)
    behinds = {
        partition: Behind(offset, extent, extent.groups_of_ours(ours[partition.topic]))
        for partition, offset in offsets.items()
        if (extent := found[partition]) is not None and offset <= extent.last_added
    }
    count(client, behinds, at_most=_COUNTED_AT_MOST)
    unused = [p for p, offset in offsets.items() if found[p] is None and offset.is_zero]
    return dict.fromkeys(unused, NO_LAG) | {p: _lag(behind) for p, behind in behinds.items()}


def _lag(behind: Behind) -> Lag:
    oldest = behind.extent.behind
    return Lag(behind.at_least, moment(oldest.milliseconds)) if oldest else NO_LAG
