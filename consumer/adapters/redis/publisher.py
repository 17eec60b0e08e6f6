"""The `Publisher` on Redis Streams."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

from consumer.adapters.redis.connection import Client, reachable
from consumer.adapters.redis.partitioning import partition_of
from consumer.adapters.redis.streams import register, stream_name
from consumer.errors import Misconfigured
from consumer.model.outgoing import Outgoing
from consumer.model.position import Partition

#: Events in hand before they are sent: one round trip for some hundred keeps both sides busy.
_BUFFERED = 1_000

#: As settings take it, for who publishes to it and who reads it must agree; braces would put all of
#: a topic's streams on one node of a cluster.
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")


class RedisPublisher:
    """Adds each event to its key's stream, as an entry whose fields are its attributes and `data`.

    The events of one stream are added in the order in which they were sent, a buffer at a time, all
    or nothing. Where the reply to a buffer is lost it is added again, so its events may be there twice.
    """

    def __init__(self, client: Client, *, topic: str, streams: int) -> None:
        if not _TOPIC.fullmatch(topic):
            raise Misconfigured(
                f"{topic!r} cannot name a topic: use 1 to 249 letters, digits, dots, dashes and "
                "underscores"
            )
        self._client = client
        self._topic = topic
        self._streams = streams
        self._is_registered = False
        #: By stream, the fields of the entries that are not in the log yet.
        self._unsent: dict[int, list[dict[Any, Any]]] = defaultdict(list)
        self._count = 0

    def send(self, event: Outgoing) -> None:
        """As `Publisher.send`; `Misconfigured` where the topic has another number of streams."""
        self._register()
        self._unsent[partition_of(event.key, self._streams)].append(_fields(event))
        self._count += 1
        if self._count >= _BUFFERED:
            self.flush()

    def flush(self) -> None:
        """As `Publisher.flush`; what could not be added is kept, and the next flush adds it."""
        for stream in list(self._unsent):
            self._add(stream, self._unsent[stream])
            self._count -= len(self._unsent.pop(stream))

    def close(self) -> None:
        """As `Publisher.close`."""
        self.flush()
        with reachable("let its connections go"):
            self._client.close()

    def _register(self) -> None:
        if not self._is_registered:
            register(self._client, self._topic, self._streams)
            self._is_registered = True

    def _add(self, stream: int, entries: list[dict[Any, Any]]) -> None:
        partition = Partition(self._topic, stream)
        name = stream_name(partition)
        with reachable(f"add {len(entries)} events to {partition}"):
            pipeline: Any = self._client.pipeline(transaction=True)
            for fields in entries:
                pipeline.xadd(name, fields)
            pipeline.execute()


def _fields(event: Outgoing) -> dict[Any, Any]:
    fields: dict[Any, Any] = dict(event.attributes)
    if event.data is not None:
        fields["data"] = event.data
    if event.attributes.get("subject", "").encode() != event.key:
        fields["key"] = event.key
    return fields
