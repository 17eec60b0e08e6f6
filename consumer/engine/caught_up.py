"""Whether a projection has reached the end that its log had when the run began."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping

from consumer.errors import Transient
from consumer.model.position import Offset, Partition
from consumer.ports.offset_store import OffsetStore

#: Seconds between two looks into the offset store, where other workers' progress is seen.
_BETWEEN_LOOKS = 0.2


class CaughtUp:
    """Answers for the whole projection, whichever workers own its partitions."""

    def __init__(
        self,
        projection: str,
        offsets: OffsetStore,
        ends: Mapping[Partition, Offset],
        *,
        halted: Callable[[], Collection[Partition]],
    ) -> None:
        self._projection = projection
        self._offsets = offsets
        self._left = {partition: end for partition, end in ends.items() if not end.is_zero}
        self._halted = halted
        self._next_look = 0.0

    def __call__(self) -> bool:
        """Whether every partition has reached its end, but for those that are halted here."""
        if time.monotonic() >= self._next_look:
            self._look()
            self._next_look = time.monotonic() + _BETWEEN_LOOKS
        return not self._left.keys() - set(self._halted())

    def _look(self) -> None:
        try:
            for partition, end in list(self._left.items()):
                checkpoint = self._offsets.get(self._projection, partition)
                if checkpoint and checkpoint.offset and checkpoint.offset >= end:
                    del self._left[partition]
        except Transient:
            return  # the worker itself says so when it commits; the next look comes soon
