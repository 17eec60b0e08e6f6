"""What stands halted in other workers of the projection."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping

from consumer.engine.attending import LEASE_SECONDS
from consumer.model.position import Checkpoint, Partition
from consumer.ports.presence import Presence

#: Seconds for which a halt must be seen under one claim before it counts: longer than a lease, so that
#: its owner lives and is no leftover of a dead one, and than it takes to share the partitions anew.
_PATIENCE = 1.5 * LEASE_SECONDS


class Elsewhere:
    """Tells halts that last from those that this worker is about to end by claiming the partition.

    A halt lasts once it was seen for a while under the same claim of another owner that lives, since
    this worker joined the fleet.
    """

    def __init__(self, presence: Presence, *, owner: str, joined: Callable[[], bool]) -> None:
        self._presence = presence
        self._owner = owner
        self._joined = joined
        #: When each claim was first seen to be halted (monotonic).
        self._since: dict[tuple[Partition, int], float] = {}

    def halted(self, checkpoints: Iterable[Checkpoint]) -> Mapping[Partition, str]:
        """Those of them whose halts last, each with its reason; to be asked again and again.

        Raises `Transient`.
        """
        if not self._joined():
            return {}
        standing = {
            (checkpoint.partition, checkpoint.epoch): checkpoint
            for checkpoint in checkpoints
            if checkpoint.condition.state == "halted" and checkpoint.owner != self._owner
        }
        owners = {checkpoint.owner for checkpoint in standing.values()}
        present = self._presence.present(owners) if owners else frozenset()
        now = time.monotonic()
        self._since = {
            claim: self._since.get(claim, now)
            for claim, checkpoint in standing.items()
            if checkpoint.owner in present
        }
        return {
            checkpoint.partition: checkpoint.condition.reason
            for claim, checkpoint in standing.items()
            if now - self._since.get(claim, now) > _PATIENCE
        }
