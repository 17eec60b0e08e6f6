"""An apply that takes too long: what it still writes must not meet what a successor writes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from consumer.model.event import Batch

#: Looks at the clock during the time that an apply may take.
_LOOKS = 20


class Limit:
    """Watches, on a thread of its own, how long each apply takes; one at a time.

    Past `seconds` it calls `exceeded` with the batch, on that thread: the apply cannot be stopped, so
    a worker ends its process there. Watching costs an apply two assignments.
    """

    def __init__(self, seconds: float, exceeded: Callable[[Batch], None]) -> None:
        self._seconds = seconds
        self._exceeded = exceeded
        #: What is applied, and since when (monotonic).
        self._running: tuple[float, Batch] | None = None
        self._over = threading.Event()
        threading.Thread(target=self._watch, name="apply limit", daemon=True).start()

    @contextmanager
    def watching(self, batch: Batch) -> Iterator[None]:
        """Inside, the batch is applied."""
        self._running = (time.monotonic(), batch)
        try:
            yield
        finally:
            self._running = None

    def close(self) -> None:
        """Watches no more."""
        self._over.set()

    def _watch(self) -> None:
        while not self._over.wait(self._seconds / _LOOKS):
            running = self._running
            if running is not None and time.monotonic() - running[0] > self._seconds:
                self._exceeded(running[1])
                return
