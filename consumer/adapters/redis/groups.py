"""Where a consumer group stands in each stream, as Redis' tools and autoscalers read it there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from redis.exceptions import ResponseError

from consumer.adapters.redis.connection import Client, reachable
from consumer.adapters.redis.streams import stream_name
from consumer.model.position import Partition, StreamOffset


class Place(msgspec.Struct, frozen=True):
    """Where a group is to stand."""

    offset: StreamOffset
    #: How many of all entries ever added it has behind it; None where that is not known, or the server
    #: does not count, and then Redis tells no lag.
    read: int | None


def put(client: Client, group: str, places: Mapping[Partition, Place]) -> None:
    """Puts the group there, and makes it where it is not; a stream that does not exist has no groups.

    Its pending entries stay what they are. May raise `Transient`, and `Misconfigured` where the ACL
    forbids it.
    """
    missing = _each(client, group, places, "xgroup_setid", "NOGROUP")
    _each(
        client,
        group,
        {partition: places[partition] for partition in missing},
        "xgroup_create",
        "BUSYGROUP",
    )


def _each(
    client: Client, group: str, places: Mapping[Partition, Place], command: str, otherwise: str
) -> list[Partition]:
    """The partitions to which the server answered `otherwise`."""
    if not places:
        return []
    with reachable(f"put the group {group} where {len(places)} partitions are"):
        pipeline: Any = client.pipeline(transaction=False)
        for partition, place in places.items():
            read = {} if place.read is None else {"entries_read": place.read}
            getattr(pipeline, command)(stream_name(partition), group, str(place.offset), **read)
        answers = dict(zip(places, pipeline.execute(raise_on_error=False), strict=True))
        refused = {p: answer for p, answer in answers.items() if isinstance(answer, Exception)}
        for answer in refused.values():
            if not _is_expected(answer, otherwise):
                raise answer
    return [partition for partition, answer in refused.items() if otherwise in str(answer)]


def _is_expected(answer: Exception, otherwise: str) -> bool:
    known = (otherwise, "requires the key to exist")
    return isinstance(answer, ResponseError) and any(text in str(answer) for text in known)
