"""One membership in a consumer group, from joining to leaving."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from consumer.adapters.kafka.another_log import Sameness
from consumer.adapters.kafka.assignment import Address, Assignment, Held
from consumer.adapters.kafka.claiming import Claiming
from consumer.adapters.kafka.client import OUT_OF_RANGE, Complaints
from consumer.adapters.kafka.identity import topic_ids
from consumer.adapters.kafka.lost import Doubts
from consumer.adapters.kafka.reading import Reading
from consumer.adapters.kafka.records import Message, records_of
from consumer.errors import ConsumerError, SourceFailed
from consumer.model.position import Claim, IntOffset, Partition
from consumer.model.record import Fetched
from consumer.ports.source import Membership

_LOGGER = logging.getLogger(__name__)

#: A wait is cut into slices, so that partitions which arrive meanwhile are claimed soon.
_SLICE_SECONDS = 0.1
#: How long applies may take before the membership is looked after in between. Far below any poll
#: interval, and no shorter, for it throws the prefetched records away.
_SLOW_SECONDS = 1.0

_END_OF_PARTITION = KafkaError._PARTITION_EOF  # noqa: SLF001  librdkafka's own codes are spelled so


class _Arrived(msgspec.Struct, eq=False):
    """What one poll brought of one partition."""

    held: Held
    claim: Claim
    through: int
    messages: list[Message]


class Session:
    """Polls the client on one thread. Callbacks only take note; all else happens between two polls."""

    def __init__(
        self,
        client: Consumer,
        admin: AdminClient,
        complaints: Complaints,
        membership: Membership,
        batch_size: int,
    ) -> None:
        self._client = client
        self._complaints = complaints
        self._membership = membership
        self._batch_size = batch_size
        self._assignment = Assignment()
        self._reading = Reading(client, self._assignment)
        self._claiming = Claiming(client, admin, membership, self._assignment)
        self._doubts = Doubts(client, self._assignment, membership)
        self._sameness = Sameness(partial(topic_ids, admin), self._assignment, membership)
        self._broken: BaseException | None = None
        self._polled_at = time.monotonic()

    def join(self, topics: list[str]) -> None:
        """Asks the group for a share of the topics' partitions; they come while polling."""
        self._client.subscribe(
            topics, on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )

    def owns(self, partition: Partition) -> bool:
        """Assigned and claimed."""
        held = self._assignment.get((partition.topic, partition.number))
        return held is not None and held.claim is not None

    def poll(self, paused: Collection[Partition], wait: float) -> Iterator[Fetched]:
        """What came in, partition by partition."""
        self._claiming.ask()
        self._doubts.look()
        self._reading.rest_exactly(paused)
        arrived = self._sorted(self._next(wait))
        self._raise_what_is_wrong()
        self._sameness.look()  # now, so that it speaks for what just arrived
        yield from self._handed_out(arrived)

    def close(self) -> None:
        """Tells the membership first, then leaves."""
        if left := self._assignment.everything_left():
            self._membership.revoked(left)
        try:
            self._client.close()
        except (KafkaException, RuntimeError) as cause:
            _LOGGER.warning("the Kafka client did not close well: %s", cause)

    # Callbacks: they run inside of poll, consume and close, ask no broker anything, and never raise,
    # for then the client goes on from the group's own offsets. What is given up is told to the
    # membership at once: it may release in the offset store, which takes one of its time-outs at most.

    def _on_assign(self, _client: Consumer, places: list[TopicPartition]) -> None:
        try:
            self._reading.took()
            self._assignment.arrived(_addresses(places))
            self._claiming.arrived()
        except Exception as cause:  # raised by the poll that runs this callback
            self._broken = cause

    def _on_revoke(self, _client: Consumer, places: list[TopicPartition]) -> None:
        self._give_up(places, self._membership.revoked)

    def _on_lost(self, _client: Consumer, places: list[TopicPartition]) -> None:
        self._give_up(places, self._membership.lost)

    def _give_up(
        self, places: list[TopicPartition], tell: Callable[[Collection[Partition]], None]
    ) -> None:
        try:
            addresses = _addresses(places)
            self._reading.gave_up(addresses)
            if left := self._assignment.left(addresses):
                tell(left)
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

    def _sorted(self, messages: Iterable[Message]) -> list[_Arrived]:
        """By partition, each in order; what is not ours to read, or not now, is left out."""
        arrived: dict[Address, _Arrived] = {}
        topic, number, known = None, None, None
        for message in messages:
            error = message.error()
            if error is not None and error.code() != _END_OF_PARTITION:
                self._went_wrong(error, (message.topic(), message.partition()))
                continue
            # They come in runs of one partition, so it is seldom looked up.
            if message.partition() != number or message.topic() != topic:
                topic, number = message.topic(), message.partition()
                known = self._arriving((topic, number), arrived)
            if known is None:
                continue  # if it is ours, it comes again when it flows
            if error is None:
                known.messages.append(message)
            else:  # the end of the log, behind transaction markers and what compaction took
                known.through = message.offset() - 1
        for each in arrived.values():
            if each.messages:
                each.through = max(each.through, each.messages[-1].offset())
            each.held.read = max(each.held.read, each.through)
        return list(arrived.values())

    def _arriving(self, address: Address, arrived: dict[Address, _Arrived]) -> _Arrived | None:
        """What arrived of a partition so far; None if it is not ours to read, or not now."""
        held = self._assignment.get(address)
        if address not in arrived and held is not None and held.claim is not None and held.flows:
            arrived[address] = _Arrived(held, held.claim, held.read, [])
        return arrived.get(address)

    def _handed_out(self, arrived: list[_Arrived]) -> Iterator[Fetched]:
        waiting = deque(arrived)
        try:
            while waiting:
                if time.monotonic() - self._polled_at > _SLOW_SECONDS:
                    self._keep_membership()
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
            self._sorted([message])
        self._raise_what_is_wrong()
        self._reading.flow_again(rested)

    def _is_current(self, each: _Arrived) -> bool:
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
