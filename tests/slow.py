"""Ledgers whose applies are slow, each in a way in which a worker could come too late."""

from __future__ import annotations

import os
import time

from consumer import Batch, Transient
from tests.ledger import Ledger


def is_slow() -> bool:
    """Whether this worker is the slow one of its story."""
    return float(os.environ["LEDGER_SECONDS"]) > 0


class Flaky(Ledger):
    """Its store is away once, so that a slow retry comes right behind a slow apply of another partition."""

    has_failed = False

    def apply(self, batch: Batch) -> None:
        if is_slow() and batch.partition.number == 0 and not self.has_failed:
            self.has_failed = True
            raise Transient("the store is away")
        super().apply(batch)


class Picky(Ledger):
    """Finds only by itself, and slowly, that every fifth event is none that it can read."""

    def apply(self, batch: Batch) -> None:
        if is_slow():
            time.sleep(1)
        for event in batch:
            if event.decode(dict)["n"] % 5 == 0:
                event.decode(int)
        super().apply(batch)
