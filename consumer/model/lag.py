"""What lies between a partition's end and the checkpoint."""

from __future__ import annotations

from datetime import datetime

import msgspec


class Lag(msgspec.Struct, frozen=True, gc=False):
    """What is still to be applied in a partition."""

    #: End minus checkpoint, as the broker counts: on Kafka with the offsets that hold no event of ours.
    #: Never negative.
    events: int
    #: The broker's time of the first event that is still to be applied, with its zone; None where there
    #: is none, or it has no time.
    oldest: datetime | None

    def seconds(self, now: datetime) -> float:
        """How old that event is; 0 where nothing is left, or the producer's clock is ahead of ours."""
        return 0.0 if self.oldest is None else max(0.0, (now - self.oldest).total_seconds())


NO_LAG = Lag(0, None)
