"""Flights whose worker gets stuck between an apply and its commit, for watching what happens then."""

from __future__ import annotations

import os
import time
from pathlib import Path

from consumer import Batch
from projectors.examples.flights import Flights

#: Batches that a worker applies before it may get stuck, so that it has committed something.
_BATCHES_BEFORE = 3


class StuckFlights(Flights):
    """Of all workers the first to have applied some batches writes its process id to the file that
    FLIGHTS_STUCK names, and then waits to be killed: the batch is in the read model, and not committed.
    """

    def __init__(self, path: str | None = None) -> None:
        super().__init__(path)
        self._file = Path(os.environ.get("FLIGHTS_STUCK", "stuck.pid"))
        self._batches = 0

    def apply(self, batch: Batch) -> None:
        """As `Flights.apply`, and once in the life of the file it does not return."""
        super().apply(batch)
        self._batches += 1
        if self._batches == _BATCHES_BEFORE and self._is_first():
            while True:
                time.sleep(1)

    def _is_first(self) -> bool:
        try:
            with self._file.open("x") as file:
                file.write(str(os.getpid()))
        except FileExistsError:
            return False
        return True
