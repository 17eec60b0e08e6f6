"""One membership in a consumer group, from joining to leaving."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from typing import TypeAlias

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from consumer.adapters.kafka.another_log import Sameness
from consumer.adapters.kafka.arriving import Arrived, by_partition
from consumer.adapters.kafka.assignment import Address, Assignment
from consumer.adapters.kafka.claiming import Claiming
from consumer.adapters.kafka.client import OUT_OF_RANGE, Complaints
from consumer.adapters.kafka.identity import topic_ids
from consumer.adapters.kafka.joining import Joining
from consumer.adapters.kafka.lost import Doubts
from consumer.adapters.kafka.mirroring import Mirroring
from consumer.adapters.kafka.reading import Reading
from consumer.adapters.kafka.records import Message, records_of
from consumer.errors import ConsumerError, SourceFailed
from consumer.model.position import IntOffset, Offset, Partition
from consumer.model.record import Fetched
from consumer.ports.source import Membership

_LOGGER = logging.getLogger(__name__)

#: A wait is cut into slices, so that partitions which arrive meanwhile are claimed soon.
_SLICE_SECONDS = 0.1
#: How long applies may take before the membership is looked after in between. Far below any poll
#: interval, and no shorter, for it throws the prefetched records away.
_SLOW_SECONDS = 1.0

_Told: TypeAlias = Callable[[Collection[Partition]], None]


class Session:
    """Polls the client on one thread. Callbacks only take note; all else happens between two polls."""

    def __init__(
        self,
        client: Consumer,
        admin: AdminClient,
        complaints: Complaints,
        membership: Membership,
        batch_size: int,
        mirroring: Mirroring,
    ) -> None:
        self._client = client
        self._complaints = complaints
        self._membership = membership
        self._batch_size = batch_size
        self._assignment = Assignment()
        self._reading = Reading(client, self._assignment)
        self._mirroring = mirroring
        self._joining = Joining(client)
        self._claiming = Claiming(client, admin, membership, self._assignment, mirroring.owes)
        self._doubts = Doubts(client, self._assignment, membership)
        self._sameness = Sameness(partial(topic_ids, admin), self._assignment, membership)
        self._broken: BaseException | None = None
        self._polled_at = time.monotonic()

    def join(self, topics: list[str]) -> None:
        """Asks the group for a share of the topics' partitions; they come while polling."""
        self._joining.is_outside()
        self._client.subscribe(
            topics, on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )

    def owns(self, partition: Partition) -> bool:
        """Assigned and claimed."""
        held = self._assignment.get((partition.topic, partition.number))
        return held is not None and held.claim is not None

    def joined(self) -> bool:
        """Whether the group took us in; an empty share counts."""
        return self._joining.joined()

    def mirror(self, partition: Partition, offset: Offset) -> None:
        """The group is to show it."""
        self._mirroring.owes(partition, offset)

    def poll(self, paused: Collection[Partition], wait: float) -> Iterator[Fetched]:
        """What came in, partition by partition."""
        self._claiming.ask()
        self._mirroring.show(self._client)
        self._doubts.look()
        self._reading.rest_exactly(paused)
        arrived = by_partition(self._next(wait), self._assignment, self._went_wrong)
        self._raise_what_is_wrong()
        self._sameness.look()  # now, so that it speaks for what just arrived
        yield from self._handed_out(arrived)

    def close(self) -> None:
        """Tells the membership first, then leaves."""
        if left := self._assignment.everything_left():
            self._membership.revoked(left)
        if self._mirroring.flush(self._client):
            _close(self._client)
        else:  # it would wait for its answer as long as a session may last
            threading.Thread(
                target=_close, args=(self._client,), name="leaving", daemon=True
            ).start()

    # Callbacks: they run inside of poll, consume and close, ask no broker anything, and never raise,
    # for then the client goes on from the group's own offsets. What is given up is told to the
    # membership at once: it may release in the offset store, which takes one of its time-outs at most.

    def _on_assign(self, _client: Consumer, places: list[TopicPartition]) -> None:
        try:
            self._joining.is_inside()
            self._reading.took()
            self._assignment.arrived(_addresses(places))
            self._claiming.arrived()
        except Exception as cause:  # raised by the poll that runs this callback
            self._broken = cause

    def _on_revoke(self, client: Consumer, places: list[TopicPartition]) -> None:
        back = partial(self._mirroring.gives_back, client)
        self._give_up(places, back, self._membership.revoked)

    def _on_lost(self, _client: Consumer, places: list[TopicPartition]) -> None:
        self._give_up(places, self._fell_out, self._membership.lost)

    def _fell_out(self, partitions: Collection[Partition]) -> None:
        self._joining.is_outside()
        self._mirroring.forgets(partitions)

    def _give_up(self, places: list[TopicPartition], first: _Told, then: _Told) -> None:
        """`first` is told while the client still has them; `then` only of what we held."""
        try:
            addresses = _addresses(places)
            first([Partition(*address) for address in addresses])
            self._reading.gave_up(addresses)
            if left := self._assignment.left(addresses):
                then(left)
        except Exception as cause:  # raised by the poll that runs this callback
            self._broken = cause

    def _next(self, wait: float) -> list[Message]:
        """The first record as soon as it is there, and with it what else is there.

        `consume` alone would wait all the time to fill its number: one record that is there comes
        out of `consume(500, wait)` only when `wait` is over.
        """
        until = time.monotonic() + wait
        while True:
            left = until - time.monotonic()
            first = self._client.poll(min(max(left, 0.0), _SLICE_SECONDS))
            self._polled_at = time.monotonic()
            if first is not None:
                break
            if left <= 0 or self._claiming.is_due or self._is_wrong():
                return []
        if self._batch_size == 1:
            return [first]
        return [first, *self._client.consume(self._batch_size - 1, 0)]

    def _handed_out(self, arrived: list[Arrived]) -> Iterator[Fetched]:
        waiting = deque(arrived)
        try:
            while True:
                # Behind the last one too: whoever took it may have a slow retry to make before the next poll.
                if time.monotonic() - self._polled_at > _SLOW_SECONDS:
                    self._keep_membership()
                if not waiting:
                    return
                each = waiting.popleft()
                if not self._is_current(each):
                    continue
                if each.through <= each.held.through:
                    continue
                each.held.through = each.through
                records = records_of(each.held.partition, each.messages)
                yield Fetched(each.claim, records, IntOffset(each.through))
        finally:  # nobody wanted the rest, so it comes again
            self._reading.rewind([each.held for each in waiting if self._is_current(each)])

    def _keep_membership(self) -> None:
        """Polls with everything at rest: callbacks run, and the group sees us, but no record comes."""
        rested = self._reading.rest_all()
        message = self._client.poll(0)
        self._polled_at = time.monotonic()
        if message is not None:
            by_partition([message], self._assignment, self._went_wrong)
        self._raise_what_is_wrong()
        self._reading.flow_again(rested)

    def _is_current(self, each: Arrived) -> bool:
        held = each.held
        return self._assignment.holds(held) and held.claim is each.claim and not held.stuck

    def _went_wrong(self, error: KafkaError, address: Address) -> None:
        held = self._assignment.get(address) if error.code() in OUT_OF_RANGE else None
        if held is not None and held.claim is not None:
            self._doubts.raised(held)
        elif error.code() not in OUT_OF_RANGE:
            self._complaints.heard(error)

    def _is_wrong(self) -> bool:
        return self._broken is not None or self._complaints.verdict() is not None

    def _raise_what_is_wrong(self) -> None:
        broken = self._broken
        if isinstance(broken, ConsumerError):
            raise broken
        if broken is not None:
            raise SourceFailed(f"a rebalance went wrong: {broken}") from broken
        verdict = self._complaints.verdict()
        if verdict is not None:
            raise verdict


def _addresses(places: Iterable[TopicPartition]) -> list[Address]:
    return [(place.topic, place.partition) for place in places]


def _close(client: Consumer) -> None:
    try:
        client.close()
    except (KafkaException, RuntimeError) as cause:
        _LOGGER.warning("the Kafka client did not close well: %s", cause)
