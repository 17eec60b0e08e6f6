"""Asking the engine for the partitions that the group gave us."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from functools import partial

from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient

from consumer.adapters.kafka.assignment import Assignment, Held
from consumer.adapters.kafka.client import LOGGER
from consumer.adapters.kafka.identity import Identities
from consumer.adapters.kafka.start import first_offset
from consumer.errors import OffsetLost, Transient
from consumer.model.position import IntOffset, Offset, Partition
from consumer.ports.source import Membership

#: How long a round of claims may take before the client is polled again: an offset store that is
#: slow for each of 300 partitions must not cost the membership.
_ROUND_SECONDS = 1.0
#: Between two rounds when the brokers did not tell which log this is.
_AGAIN_SECONDS = 1.0


class Claiming:
    """Claims partitions, never inside of a callback, and says where each goes on."""

    def __init__(
        self,
        client: Consumer,
        admin: AdminClient,
        membership: Membership,
        assignment: Assignment,
        mirror: Callable[[Partition, Offset], None],
    ) -> None:
        self._client = client
        self._admin = admin
        self._membership = membership
        self._assignment = assignment
        #: Told where each claim begins: who owned the partition before may not have shown it.
        self._mirror = mirror
        self._not_before = 0.0
        #: Whether a partition waits that was not asked for yet.
        self.is_due = False
        self._identities = Identities(admin)

    def arrived(self) -> None:
        """Partitions were assigned. The topics may be other ones by now, so they are asked anew."""
        self._identities.forget()
        self.is_due, self._not_before = True, 0.0

    def ask(self) -> None:
        """Asks once for each partition without a claim, for as long as a round may take."""
        self.is_due = False
        began = time.monotonic()
        if began < self._not_before:
            return
        unclaimed = self._assignment.unclaimed()
        if not unclaimed:
            return
        topics = {each.partition.topic for each in self._assignment}
        for held in unclaimed:
            if time.monotonic() - began > _ROUND_SECONDS:
                self.is_due = True
                return
            try:
                self._ask_for(held, topics)
            except Transient as cause:
                LOGGER.warning(
                    "%s is not claimed yet, and is asked for again in %.0f s: %s",
                    held.partition,
                    _AGAIN_SECONDS,
                    cause,
                )
                self._not_before = time.monotonic() + _AGAIN_SECONDS
                return

    def _ask_for(self, held: Held, topics: Collection[str]) -> None:
        log = self._identities.of(held.partition.topic, topics)
        first = partial(first_offset, self._client, self._admin, held.partition)
        claim = self._membership.claim(held.partition, log, first)
        if claim is None:
            return
        held.claim, held.log = claim, log
        if isinstance(claim.offset, IntOffset):
            held.goes_on_behind(claim.offset.value)
            self._mirror(held.partition, claim.offset)
            return
        held.stuck = True
        self._membership.halt(
            held.partition,
            OffsetLost(
                f"{held.partition} halted: its checkpoint {claim.offset} is no place in a Kafka topic; "
                "reset the projection's offsets, or give the projection another name"
            ),
        )
