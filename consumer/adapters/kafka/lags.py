"""What lies behind offsets, as Kafka's own tools count it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from confluent_kafka.admin import AdminClient

from consumer.adapters.kafka.client import or_transient
from consumer.adapters.kafka.ends import ends_of
from consumer.adapters.kafka.oldest import Oldest
from consumer.model.lag import NO_LAG, Lag
from consumer.model.position import Partition

_ALL = "read_uncommitted"


class Lags:
    """Counts to the end of the log, also where a transaction is open and nobody can read that far yet.

    It has clients of its own, so that no other reader's place moves.
    """

    def __init__(self, properties: Callable[[], Mapping[str, Any]], topic: str) -> None:
        self._readable = Oldest(properties, topic)
        self._undecided = Oldest(lambda: {**properties(), "isolation.level": _ALL}, topic)

    def behind(
        self, admin: AdminClient, offsets: Mapping[Partition, int], *, isolation: str
    ) -> dict[Partition, Lag]:
        """The lag of each that can be told: not behind an offset beyond the end, nor where the brokers do
        not send what is next in time and never did, for an age that is not known must not look like none.

        The oldest is the first record that can be read; where an open transaction is in the way, what stands there.
        `Transient` if no broker answers.
        """
        ends = ends_of(admin, offsets, isolation=_ALL)
        events = {each: end - 1 - offsets[each] for each, end in ends.items()}
        left = {each: offsets[each] for each, count in events.items() if count > 0}
        # Behind the question for the ends: what is readable through them by now hides nothing.
        readable = ends_of(admin, left, isolation=isolation)
        undecided = {each for each in left if readable.get(each, 0) < ends[each]}
        with or_transient():
            oldest = self._oldest(left, undecided)
        applied = {each: NO_LAG for each, count in events.items() if count == 0}
        return applied | {each: Lag(events[each], first) for each, first in oldest.items()}

    def close(self) -> None:
        """Lets the connections go. Safe to call twice."""
        self._readable.close()
        self._undecided.close()

    def _oldest(
        self, offsets: Mapping[Partition, int], undecided: set[Partition]
    ) -> dict[Partition, datetime | None]:
        found = self._readable.behind(offsets)
        hidden = {each for each in undecided if each in found and found[each] is None}
        return {each: first for each, first in found.items() if each not in hidden} | (
            self._undecided.behind({each: offsets[each] for each in hidden})
        )
