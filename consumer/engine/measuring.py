"""How far behind a worker's partitions are, whatever the worker itself is busy with."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from consumer.model.facts import Lagged, Unmeasured
from consumer.model.position import Offset, Partition
from consumer.ports.event_log import EventLog
from consumer.ports.observer import Observer

#: Seconds before the first look: long enough to have partitions.
_FIRST = 1.0


class Measuring:
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
        self._every = every
        self._observer = observer
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lag", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        cause: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        wait = min(_FIRST, self._every)
        while not self._over.wait(wait):
            self._measure()
            wait = self._every

    def _measure(self) -> None:
        checkpoints = self._checkpoints()
        try:
            lags = self._log.lag(checkpoints) if checkpoints else {}
        except Exception as cause:  # a thread that died would leave the last lag standing for ever
            self._observer.happened(Unmeasured(cause))
        else:
            self._observer.happened(Lagged(lags))
