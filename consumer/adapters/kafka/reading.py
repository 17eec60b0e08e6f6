"""Which partitions the client reads, and from where."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from confluent_kafka import Consumer, KafkaException, TopicPartition

from consumer.adapters.kafka.assignment import Address, Assignment, Held
from consumer.errors import SourceFailed
from consumer.model.position import Partition


class Reading:
    """Lets partitions flow and rest. What the client cannot do is `SourceFailed`.

    The client is given a partition when it may flow, with the offset to read next, and it is taken
    away when it should rest; the group is told neither. So nothing can come from a partition before
    its claim. The client's own pause, resume and seek are not used: an idle fetcher notices a resume
    only after up to a second, a pause outlives the assignment, and a seek fails where an offset was
    out of range.
    """

    def __init__(self, client: Consumer, assignment: Assignment) -> None:
        self._client = client
        self._assignment = assignment

    def took(self) -> None:
        """Tells the client that we know of what the group gave; it is to read nothing of it yet."""
        self._client.incremental_assign([])

    def gave_up(self, addresses: Iterable[Address]) -> None:
        """Tells the client to read no more of these; called while `Assignment` still holds them."""
        held = [self._assignment.get(address) for address in addresses]
        flowing = [each for each in held if each is not None and each.flows]
        self._client.incremental_unassign([_place(each) for each in flowing])

    def rest_exactly(self, wanted: Collection[Partition]) -> None:
        """Lets flow and rest by difference, for a rest throws the prefetched records away."""
        self._rest(self._assignment.to_rest(wanted))
        self._flow(self._assignment.to_flow(wanted))

    def rest_all(self) -> list[Held]:
        """Lets all rest; returns what flowed, for `flow_again`."""
        flowing = [held for held in self._assignment if held.flows]
        self._rest(flowing)
        return flowing

    def flow_again(self, rested: Iterable[Held]) -> None:
        """Lets flow what `rest_all` stopped and is still ours."""
        self._flow([held for held in rested if self._assignment.holds(held)])

    def rewind(self, them: Sequence[Held]) -> None:
        """What was taken from the client and not handed out comes again."""
        flowing = [held for held in them if held.flows]
        self._rest(flowing)
        for held in them:
            held.goes_on_behind(held.through)
        self._flow(flowing)

    def _rest(self, them: Sequence[Held]) -> None:
        if not them:
            return
        try:
            self._client.incremental_unassign([_place(held) for held in them])
        except KafkaException as cause:
            raise _failed("resting", cause) from cause
        for held in them:
            held.flows = False

    def _flow(self, them: Sequence[Held]) -> None:
        if not them:
            return
        try:
            self._client.incremental_assign([_place(held) for held in them])
        except KafkaException as cause:
            raise _failed("reading on", cause) from cause
        for held in them:
            held.flows = True


def _place(held: Held) -> TopicPartition:
    return TopicPartition(held.partition.topic, held.partition.number, held.next)


def _failed(doing: str, cause: KafkaException) -> SourceFailed:
    return SourceFailed(f"the Kafka client cannot go on: {doing}: {cause.args[0].str()}")
