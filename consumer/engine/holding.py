"""A claimed partition, and how far it has come."""

from __future__ import annotations

from consumer.model.position import Claim, Fence, Offset, Partition
from consumer.ports.offset_store import OffsetStore


class Holding:
    """A claim and the checkpoint under it; the one place from which checkpoints are moved."""

    def __init__(self, claim: Claim, offset: Offset, offsets: OffsetStore) -> None:
        self.claim = claim
        #: The checkpoint: the offset of the last applied event.
        self.offset = offset
        self._offsets = offsets

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
        self._offsets.commit(self.claim, self.offset, through)
        self.offset = through
