"""When the first records behind offsets were written."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from consumer.adapters.kafka.assignment import Address
from consumer.adapters.kafka.client import Complaints, connected_consumer
from consumer.adapters.kafka.records import END_OF_PARTITION, Message, arriving, instant
from consumer.model.position import Partition

#: How long one round of reading may take. 300 partitions take 0.03 s, and 0.5 s where each one's next
#: batch is so large that a fetch brings but one of them.
_ROUND_SECONDS = 3.0
_AT_ONCE = 500

#: One record of each partition is wanted: fetches are small and never wait.
_SMALL_FETCHES = {
    "queued.min.messages": "1",
    "max.partition.fetch.bytes": "16384",
    "fetch.wait.max.ms": "1",
    "fetch.queue.backoff.ms": "0",
    # Behind an offset that retention passed, the first record is the first that is left.
    "auto.offset.reset": "earliest",
}


class Oldest:
    """Reads the first record behind each of many offsets, with a client of its own, so that no other
    reader's place moves. What it found is kept for as long as the offset stays.
    """

    def __init__(self, properties: Callable[[], Mapping[str, Any]], topic: str) -> None:
        #: Read when the client is made, for they hold secrets that may rotate.
        self._properties = properties
        #: What a client is asked of when it connects.
        self._topic = topic
        self._client: Consumer | None = None
        self._complaints = Complaints()
        #: By partition the offset, and the time of the first record behind it.
        self._known: dict[Partition, tuple[int, datetime]] = {}

    def behind(self, offsets: Mapping[Partition, int]) -> dict[Partition, datetime | None]:
        """For each partition the broker's time of the first record behind the offset; None where no
        record is there, or it has no time.

        Where the broker sent none in time it is what was found last, for an earlier offset: too old
        rather than nothing. Where nothing was ever found the partition is left out. `SourceFailed`
        when no broker answers.
        """
        known = {each: self._known[each] for each in offsets if each in self._known}
        same = {each for each, (offset, _) in known.items() if offset == offsets[each]}
        read = self._read({each: offsets[each] for each in offsets if each not in same})
        self._known = known | {
            each: (offsets[each], found) for each, found in read.items() if found is not None
        }
        for gone in [each for each, found in read.items() if found is None]:
            self._known.pop(gone, None)
        return {each: found for each, (_, found) in known.items()} | read

    def close(self) -> None:
        """Lets the connection go. Safe to call twice."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _read(self, offsets: Mapping[Partition, int]) -> dict[Partition, datetime | None]:
        if not offsets:
            return {}
        if self._client is None:
            self._complaints = Complaints()
            properties = {**self._properties(), **_SMALL_FETCHES}
            self._client = connected_consumer(properties, self._topic, self._complaints)
        client, waiting = self._client, {(each.topic, each.number): each for each in offsets}
        client.assign([TopicPartition(*at, offsets[each] + 1) for at, each in waiting.items()])
        try:
            return self._arriving(client, waiting)
        finally:
            client.unassign()
            if self._complaints.verdict() is not None:
                self.close()  # another one is connected next time

    def _arriving(
        self, client: Consumer, waiting: dict[Address, Partition]
    ) -> dict[Partition, datetime | None]:
        found: dict[Partition, datetime | None] = {}
        until = time.monotonic() + _ROUND_SECONDS
        while waiting and time.monotonic() < until:
            done: list[Address] = []
            for each in arriving(client, _AT_ONCE):
                address = (each.topic(), each.partition())
                if (partition := waiting.get(address)) and _tells(each):
                    found[partition] = None if each.error() else instant(each.timestamp()[1])
                    del waiting[address]
                    done.append(address)
            if done:  # what was told of would be fetched on, in the way of the others
                client.incremental_unassign([TopicPartition(*address) for address in done])
        return found


def _tells(message: Message) -> bool:
    """Whether it is a record, or says that there is none."""
    error = message.error()
    return error is None or error.code() == END_OF_PARTITION
