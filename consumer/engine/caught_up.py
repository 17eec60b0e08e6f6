"""Whether a projection has reached the end that its log had when the run began."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress

from consumer.engine.elsewhere import Elsewhere
from consumer.errors import Transient
from consumer.model.position import Checkpoint, Offset, Partition
from consumer.ports.event_log import EventLog
from consumer.ports.offset_store import OffsetStore

#: Seconds between two looks into the offset store, where other workers' progress is seen.
_BETWEEN_LOOKS = 0.2


class CaughtUp:
    """Answers for the whole projection, whichever workers own its partitions.

    It takes the ends when it is made, and may then raise `Transient`. A checkpoint of another log, or one
    that lay beyond the end of this one, has reached nothing: whoever claims the partition halts it.
    """

    def __init__(
        self,
        projection: str,
        offsets: OffsetStore,
        log: EventLog,
        *,
        halted: Callable[[], Collection[Partition]],
        elsewhere: Elsewhere,
    ) -> None:
        self._projection = projection
        self._offsets = offsets
        self._halted = halted
        self._elsewhere = elsewhere
        #: What stands halted in other workers as far as `elsewhere` can be sure, each with the reason.
        self.halted_elsewhere: Mapping[Partition, str] = {}
        # Checkpoints before ends: one that is beyond its end then was so, and did not just move on.
        checkpoints = {partition: self._offset(partition) for partition in log.partitions()}
        self._left = dict(log.ends())
        self._logs = {partition.topic: log.identity(partition).id for partition in {*self._left}}
        self._beyond = {
            partition: offset
            for partition, offset in checkpoints.items()
            if offset is not None and _is_past(offset, self._left[partition])
        }
        self._next_look = 0.0

    def __call__(self) -> bool:
        """Whether every partition has reached its end, but for those that are halted here or elsewhere."""
        if time.monotonic() >= self._next_look:
            self._look()
        if self.halted_elsewhere and self._is_done():
            self._look()  # one of them may have come to us since
        return self._is_done()

    def _is_done(self) -> bool:
        return not self._left.keys() - set(self._halted()) - self.halted_elsewhere.keys()

    def _look(self) -> None:
        self._next_look = time.monotonic() + _BETWEEN_LOOKS
        self.halted_elsewhere = {}
        # The worker itself says so when it commits; the next look comes soon.
        with suppress(Transient):
            standing = []
            for partition, end in list(self._left.items()):
                checkpoint = self._offsets.get(self._projection, partition)
                if self._is_reached(end, checkpoint):
                    del self._left[partition]
                elif checkpoint is not None:
                    standing.append(checkpoint)
            self.halted_elsewhere = self._elsewhere.halted(standing)

    def _is_reached(self, end: Offset, checkpoint: Checkpoint | None) -> bool:
        if checkpoint is None or checkpoint.offset is None:
            return end.is_zero
        offset, partition = checkpoint.offset, checkpoint.partition
        log = self._logs[partition.topic]
        if checkpoint.log.id and log and checkpoint.log.id != log:
            return False
        if offset == self._beyond.get(partition):
            return False
        return offset == end or _is_past(offset, end)

    def _offset(self, partition: Partition) -> Offset | None:
        checkpoint = self._offsets.get(self._projection, partition)
        return None if checkpoint is None else checkpoint.offset


def _is_past(offset: Offset, end: Offset) -> bool:
    """Whether it lies behind the end. Offsets of two kinds of log have no order."""
    return type(offset) is type(end) and offset > end
