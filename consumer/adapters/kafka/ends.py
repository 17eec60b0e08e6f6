"""Where partitions end, asked for any number of them at once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from confluent_kafka import IsolationLevel, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # its stubs re-export nothing
    AdminClient,
    OffsetSpec,
)

from consumer.adapters.kafka.client import ASK_SECONDS, asked
from consumer.errors import Transient
from consumer.model.position import Partition

#: A client that is about to connect sometimes misses that it has, and waits out its time (1 of 8 did, in
#: librdkafka 2.16.0). Asked again it answers at once, so the time is divided.
_TRIES = 3
#: How far readers see.
_ALL, _COMMITTED = IsolationLevel.READ_UNCOMMITTED, IsolationLevel.READ_COMMITTED
#: Named in an error's text; the others are a number.
_NAMED = 3


def untold(partitions: Sequence[Partition]) -> Transient:
    """Kafka does not tell where these end, as right after a topic was made."""
    more = f" and {len(partitions) - _NAMED} more" if len(partitions) > _NAMED else ""
    return Transient(
        f"Kafka does not tell where these end: {', '.join(map(str, partitions[:_NAMED]))}{more}"
    )


def ends_of(
    admin: AdminClient, partitions: Collection[Partition], *, isolation: str
) -> dict[Partition, int]:
    """For each partition the offset that comes next, as readers of this `isolation.level` see it.

    One request a broker, where the client's own question takes one a partition. What does not
    exist, or has its leader away, is left out; `Transient` if the brokers tell of nothing.
    """
    if not partitions:
        return {}
    latest: Any = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # its stubs lack it
    places = {TopicPartition(each.topic, each.number): each for each in partitions}
    for _ in range(_TRIES):
        answers = admin.list_offsets(
            dict.fromkeys(places, latest),
            isolation_level=_ALL if isolation == "read_uncommitted" else _COMMITTED,
            request_timeout=ASK_SECONDS / _TRIES,
        )
        # One error may stand for all of them, and would grow by each time that it is raised.
        told = [place for place, answer in answers.items() if answer.exception() is None]
        if told:
            return {places[place]: int(answers[place].result().offset) for place in told}
    asked(next(iter(answers.values())).result)
    raise AssertionError("an answer without an error was told")
