"""Flights whose worker gets stuck with its rows written and not committed, for watching what happens then."""

from __future__ import annotations

import os
import time
from pathlib import Path

from consumer import Batch, Transaction
from projectors.examples.counted_flights import CountedFlights

#: Batches that a worker projects before it may get stuck, so that it has committed something.
_BATCHES_BEFORE = 3


class StuckFlights(CountedFlights):
    """Of all workers the first to have projected some batches writes its process id to the file that
    FLIGHTS_STUCK names, and then waits to be killed: within the transaction, and its rows are written.
    """

    #: Those whose transactions can be stopped in the middle.
    read_models = frozenset({"postgresql", "sqlite"})

    def __init__(self) -> None:
        self._file = Path(os.environ.get("FLIGHTS_STUCK", "stuck.pid"))
        self._batches = 0

    def project(self, batch: Batch, transaction: Transaction) -> None:
        """As `CountedFlights.project`, and once in the life of the file it does not return."""
        super().project(batch, transaction)
        self._batches += 1
        if self._batches > _BATCHES_BEFORE and not self._file.exists():
            _ = transaction.cursor  # whoever asks for it has the rows sent to the database first
            if self._is_first():
                while True:
                    time.sleep(1)

    def _is_first(self) -> bool:
        try:
            with self._file.open("x") as file:
                file.write(str(os.getpid()))
        except FileExistsError:
            return False
        return True
