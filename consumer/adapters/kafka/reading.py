"""Where the client reads on, partition by partition, and which partitions rest."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from consumer.adapters.kafka.assignment import Assignment, Held
from consumer.errors import SourceFailed
from consumer.model.position import Partition


class Reading:
    """Moves and rests the partitions of an assignment. What the client cannot do is `SourceFailed`."""

    def __init__(self, client: Consumer, assignment: Assignment) -> None:
        self._client = client
        self._assignment = assignment

    def take(self, places: Sequence[TopicPartition]) -> None:
        """Assigns what the group gave, at rest.

        The offset is no start, only explicit: without one the client would go on from the group's
        own committed offset. Nothing is read before the claim moves the partition to its checkpoint.
        """
        for place in places:
            place.offset = 0
        self._client.incremental_assign(list(places))
        if places:  # a partition that was at rest when it left is not when it comes back
            self._client.pause(list(places))

    def rest_exactly(self, wanted: Collection[Partition]) -> None:
        """Pauses and resumes by difference, for a pause throws the prefetched records away."""
        self._pause(self._assignment.to_pause(wanted))
        self._resume(self._assignment.to_resume(wanted))

    def rest_all(self) -> list[Held]:
        """Pauses all that flows; returns it, for `flow_again`."""
        flowing = [held for held in self._assignment if not held.paused]
        self._pause(flowing)
        return flowing

    def flow_again(self, rested: Iterable[Held]) -> None:
        """Resumes what `rest_all` paused and is still ours."""
        self._resume([held for held in rested if self._assignment.holds(held)])

    def go_on_from(self, held: Held) -> None:
        """The next record of the partition is the one behind `held.through`, whatever was prefetched."""
        place = _place(held, held.next)
        try:
            self._client.seek(place)
        except KafkaException:
            # After an offset out of range the client has stopped the partition: it seeks no more, but
            # takes it as a new one.
            self._assign_anew(held, place)

    def _assign_anew(self, held: Held, place: TopicPartition) -> None:
        try:
            self._client.incremental_unassign([place])
            self._client.incremental_assign([place])
            if held.paused:
                self._client.pause([place])
            else:
                self._client.resume([place])
        except KafkaException as cause:
            raise _failed(f"reading {held.partition} from {place.offset}", cause) from cause

    def _pause(self, them: Sequence[Held]) -> None:
        if not them:
            return
        try:
            self._client.pause([_place(held) for held in them])
        except KafkaException as cause:
            raise _failed("pausing", cause) from cause
        for held in them:
            held.paused = True

    def _resume(self, them: Sequence[Held]) -> None:
        if not them:
            return
        try:
            self._client.resume([_place(held) for held in them])
        except KafkaException as cause:
            raise _failed("resuming", cause) from cause
        for held in them:
            held.paused = False


def _place(held: Held, offset: int | None = None) -> TopicPartition:
    topic, number = held.address
    return (
        TopicPartition(topic, number) if offset is None else TopicPartition(topic, number, offset)
    )


def _failed(doing: str, cause: KafkaException) -> SourceFailed:
    error: KafkaError = cause.args[0]
    return SourceFailed(f"the Kafka client cannot go on: {doing}: {error.str()}")
