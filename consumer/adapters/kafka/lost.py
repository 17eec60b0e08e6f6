"""What to do when the broker says that our place is outside of the log: look twice, then halt."""

from __future__ import annotations

import time

from confluent_kafka import Consumer

from consumer.adapters.kafka.assignment import Assignment, Held
from consumer.adapters.kafka.client import LOGGER
from consumer.adapters.kafka.start import watermarks
from consumer.errors import OffsetLost, Transient
from consumer.model.position import IntOffset
from consumer.ports.source import Membership

#: Between the broker's word and the first look, and between the looks. One wrong answer is known to
#: happen (a log end of 0 from a broker that just came back), two of them a while apart are not.
LOOK_SECONDS = 0.5
LOOKS = 2


class Doubts:
    """Partitions whose next offset the broker does not have; each waits at rest until it is clear."""

    def __init__(self, client: Consumer, assignment: Assignment, membership: Membership) -> None:
        self._client = client
        self._assignment = assignment
        self._membership = membership

    def raised(self, held: Held) -> None:
        """The broker said that the log does not hold the next offset."""
        if held.doubted_at is None:
            held.doubted_at, held.looks = time.monotonic(), 0

    def look(self) -> None:
        """Looks where a look is due; goes on reading if the place is there, halts after `LOOKS` of them."""
        now = time.monotonic()
        for held in self._assignment:
            if held.stuck or held.doubted_at is None or now - held.doubted_at < LOOK_SECONDS:
                continue
            held.doubted_at = now
            try:
                low, high = watermarks(self._client, held.partition)
            except Transient as cause:
                LOGGER.warning("%s rests until its place is clear: %s", held.partition, cause)
                continue
            if low <= held.next <= high:
                held.doubted_at = None  # it flows again, from the same place
            elif (looks := held.looks + 1) < LOOKS:
                held.looks = looks
            else:
                held.stuck = True
                self._membership.halt(held.partition, _lost(held, low, high))


def _lost(held: Held, low: int, high: int) -> OffsetLost:
    at = IntOffset(held.read)
    if held.next < low:
        gone = (
            f"{low - held.next} offsets behind it were deleted by retention before they were read"
        )
    else:
        gone = "it lies beyond the end, so the log was cut or the topic was made anew"
    return OffsetLost(
        f"{held.partition} halted: the checkpoint is at offset {at}, and the log starts at {low} and "
        f"ends before {high}: {gone}; decide where to go on and reset the projection's offsets"
    )
