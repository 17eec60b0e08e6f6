"""What one poll brought, put in order by partition."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec
from confluent_kafka import KafkaError

from consumer.adapters.kafka.assignment import Address, Assignment, Held
from consumer.adapters.kafka.records import END_OF_PARTITION, Message
from consumer.model.position import Claim


class Arrived(msgspec.Struct, eq=False):
    """What one poll brought of one partition."""

    held: Held
    claim: Claim
    through: int
    messages: list[Message]


def by_partition(
    messages: Iterable[Message],
    assignment: Assignment,
    went_wrong: Callable[[KafkaError, Address], None],
) -> list[Arrived]:
    """Each partition's in order; what is not ours to read, or not now, is left out."""
    arrived: dict[Address, Arrived] = {}
    topic, number, known = None, None, None
    for message in messages:
        error = message.error()
        if error is not None and error.code() != END_OF_PARTITION:
            went_wrong(error, (message.topic(), message.partition()))
            continue
        # They come in runs of one partition, so it is seldom looked up.
        if message.partition() != number or message.topic() != topic:
            topic, number = message.topic(), message.partition()
            known = _arriving((topic, number), arrived, assignment)
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


def _arriving(
    address: Address, arrived: dict[Address, Arrived], assignment: Assignment
) -> Arrived | None:
    """What arrived of a partition so far; None if it is not ours to read, or not now."""
    held = assignment.get(address)
    if address not in arrived and held is not None and held.claim is not None and held.flows:
        arrived[address] = Arrived(held, held.claim, held.read, [])
    return arrived.get(address)
