"""How far behind a worker's partitions are, whatever the worker itself is busy with."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from consumer.engine.repeating import Repeating
from consumer.model.facts import Lagged, Unmeasured
from consumer.model.position import Offset, Partition
from consumer.ports.event_log import EventLog
from consumer.ports.observer import Observer

#: Seconds before the first look: long enough to have partitions.
_FIRST = 1.0


class Measuring(Repeating):
    """Asks the log for the lag of what a worker holds, on a thread and a connection of its own."""

    def __init__(
        self,
        log: EventLog,
        checkpoints: Callable[[], Mapping[Partition, Offset]],
        *,
        every: float,
        observer: Observer,
    ) -> None:
        self._log = log
        self._checkpoints = checkpoints
        self._observer = observer
        super().__init__(self._measure, name="lag", first=min(_FIRST, every), every=every)

    def _measure(self) -> None:
        checkpoints = self._checkpoints()
        try:
            lags = self._log.lag(checkpoints) if checkpoints else {}
        except Exception as cause:  # a thread that died would leave the last lag standing for ever
            self._observer.happened(Unmeasured(cause))
        else:
            self._observer.happened(Lagged(lags))
