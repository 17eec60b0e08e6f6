"""A claimed partition, and how far it has come."""

from __future__ import annotations

import time

from consumer.errors import OffsetLost
from consumer.model.custody import fenced
from consumer.model.position import Claim, Fence, Offset, Partition
from consumer.ports.offset_store import OffsetStore


class Holding:
    """A claim and the checkpoint under it; the one place from which checkpoints are moved."""

    def __init__(
        self, claim: Claim, offset: Offset, offsets: OffsetStore, *, is_sealed: bool = False
    ) -> None:
        self.claim = claim
        #: The checkpoint: the offset of the last applied event.
        self.offset = offset
        #: When the offset store last confirmed the claim (monotonic).
        self.confirmed_at = time.monotonic()
        self._offsets = offsets
        #: Whether a read model holds the offset too: then the offset store has nothing that could be lost.
        self._is_sealed = is_sealed

    @property
    def partition(self) -> Partition:
        """The partition held."""
        return self.claim.partition

    def fence(self, through: Offset) -> Fence:
        """What a store must check before it accepts events up to `through`."""
        claim = self.claim
        return Fence(claim.projection, claim.partition, claim.epoch, self.offset, through)

    def advance(self, through: Offset) -> None:
        """Moves the checkpoint; raises what `OffsetStore.commit` raises, and then it has not moved."""
        try:
            self._offsets.commit(self.claim, self.offset, through)
        except OffsetLost as cause:
            if not self._is_sealed:
                raise
            raise fenced(self.claim, through) from cause  # a new claim goes on from the read model
        self.offset = through
        self.confirmed_at = time.monotonic()

    def confirm(self) -> None:
        """Asks whether the claim still holds; raises `Fenced` where it does not, and `Transient`."""
        checkpoint = self._offsets.get(self.claim.projection, self.partition)
        if checkpoint is None or checkpoint.epoch != self.claim.epoch:
            raise fenced(self.claim, self.offset)
        self.confirmed_at = time.monotonic()
