"""Showing the broker's own group how far we are, beside the reading."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from consumer.errors import Transient
from consumer.model.position import IntOffset, Offset, Partition
from consumer.ports.source import Membership

#: Between two commits, and after one that failed.
_EVERY_SECONDS = 1.0
_AGAIN_SECONDS = 5.0
#: How long an answer may take until silence counts as a failure. The client itself waits for a
#: coordinator as long as a session lasts.
_SILENT_SECONDS = 10.0
#: How long leaving waits for the last answer.
_FLUSH_SECONDS = 2.5
_SLICE_SECONDS = 0.01


class Mirroring:
    """What the group is still to be shown. Others look there; nothing of ours is ever read from it.

    Nothing waits for it but `flush`, and no method raises. All runs on the worker's thread: the answers
    come inside of the client's polls. Except for what is given back, one commit is under way at a time.
    """

    def __init__(self, membership: Membership, *, is_wanted: bool) -> None:
        self._membership = membership
        self._is_wanted = is_wanted
        #: The last applied offset of each partition that the group was not shown yet.
        self._owed: dict[Partition, int] = {}
        self._not_before = 0.0
        self._under_way = 0
        self._silent_since = 0.0

    def owes(self, partition: Partition, offset: Offset) -> None:
        """The checkpoint is at `offset` now."""
        if self._is_wanted and isinstance(offset, IntOffset):
            self._owed[partition] = offset.value

    def show(self, client: Consumer) -> None:
        """Sends what is owed, if it is time; called at every turn."""
        now = time.monotonic()
        if self._under_way:
            self._tell_silence(now)
        elif self._owed and now >= self._not_before:
            self._not_before = now + _EVERY_SECONDS
            self._send(client, self._owed)

    def gives_back(self, client: Consumer, partitions: Collection[Partition]) -> None:
        """Sends what is owed of these while they are still ours, and thinks of them no more: whoever claims
        them shows the same.
        """
        self._send(client, [each for each in partitions if each in self._owed])
        self.forgets(partitions)

    def forgets(self, partitions: Collection[Partition]) -> None:
        """Others own these by now."""
        for each in partitions:
            self._owed.pop(each, None)

    def answered(self, error: KafkaError | None, places: Sequence[TopicPartition]) -> None:
        """The client's callback: what came of a commit."""
        self._under_way -= 1
        failed: KafkaError | None = None
        for place in places:
            partition = Partition(place.topic, place.partition)
            owed, wrong = self._owed.get(partition), place.error or error
            if owed is not None and wrong is not None:
                failed = wrong
            elif owed is not None and owed == place.offset - 1:
                del self._owed[partition]
        if failed is not None:
            self._failed(failed.str())

    def flush(self, client: Consumer) -> bool:
        """Sends what is owed and waits for the answer, but not for long, and thinks of it no more.

        Whether none is under way: a client closes only when it has its answers.
        """
        until = time.monotonic() + _FLUSH_SECONDS
        self._not_before = 0.0
        while (now := time.monotonic()) < until and (
            self._under_way or (self._owed and now >= self._not_before)
        ):
            if not self._under_way:
                self._send(client, self._owed)
            client.poll(_SLICE_SECONDS)  # what it brings is read again by who claims it
        if self._under_way and self._owed:
            self._failed(f"no answer within {_FLUSH_SECONDS:g} s of leaving")
        self._owed.clear()
        return not self._under_way

    def _send(self, client: Consumer, partitions: Collection[Partition]) -> None:
        if not partitions:
            return
        # Kafka's offset is the next one to read.
        next_ones = [
            TopicPartition(each.topic, each.number, self._owed[each] + 1) for each in partitions
        ]
        try:
            client.commit(offsets=next_ones, asynchronous=True)
        except (KafkaException, RuntimeError) as cause:
            self._failed(str(cause))
        else:
            self._under_way += 1
            self._silent_since = time.monotonic()

    def _tell_silence(self, now: float) -> None:
        if now - self._silent_since > _SILENT_SECONDS:
            self._silent_since = now
            self._failed(f"no answer for {_SILENT_SECONDS:g} s")

    def _failed(self, why: str) -> None:
        self._not_before = time.monotonic() + _AGAIN_SECONDS
        self._membership.unmirrored(
            Transient(f"the consumer group could not be shown how far we are: {why}")
        )
