"""What metrics cost: the time that counting takes, over the time that a batch takes.

The engine's own path over the events of the benchmark, in memory: decode, `fold`, commit. Without a
broker and a network the batches are as short as they can be, so that the ratio is the worst there is.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from statistics import median
from typing import Any

from benchmarks.fold import fold
from benchmarks.orders import PARTITIONS, TOPIC, orders
from consumer.adapters.codecs.cloudevents import CloudEvents
from consumer.adapters.memory.offset_store import MemoryOffsetStore
from consumer.engine.applying import Applying
from consumer.engine.assignments import Assignments
from consumer.engine.awaiting import Loop
from consumer.engine.decoding import Decoding
from consumer.engine.retrying import Backoff
from consumer.engine.settling import Settling
from consumer.engine.upcasting import Upcasting
from consumer.model.facts import Applied, Fact
from consumer.model.position import Claim, IntOffset, LogIdentity, Partition
from consumer.model.record import Fetched, Record
from consumer.model.start import BEGINNING
from consumer.telemetry.counting import Counting
from consumer.telemetry.metrics import ProjectionMetrics

_HEADERS = [("content-type", b"application/cloudevents+json; charset=utf-8")]
_NAME = "fold"


class _Timed:
    """The observer: counts, and takes the time of it."""

    def __init__(self) -> None:
        self._counting = Counting(ProjectionMetrics("benchmark"), _NAME)
        self.seconds: list[float] = []

    def happened(self, fact: Fact) -> None:
        """As `Observer.happened`."""
        began = time.perf_counter()
        self._counting.happened(fact)
        if isinstance(fact, Applied):
            self.seconds.append(time.perf_counter() - began)


def measured(batch_size: int, batches: int = 2_000) -> dict[str, Any]:
    """Microseconds that counting takes a batch, those that a batch takes, and their ratio."""
    timed = _Timed()
    assignments, applying = _engine(timed)
    partitions = [Partition(TOPIC, number) for number in range(PARTITIONS)]
    claims = [_claim(assignments, partition) for partition in partitions]
    values = [event.structured() for event in orders(batch_size)]
    gc.collect()
    gc.freeze()  # as `projections run` does
    batch_seconds = []
    for number in range(batches):
        fetched = _fetched(claims[number % PARTITIONS], values, number // PARTITIONS)
        began = time.perf_counter()
        applying.project(fetched)
        batch_seconds.append(time.perf_counter() - began)
    assert len(timed.seconds) == batches
    counting, batch = median(timed.seconds), median(batch_seconds)
    return {
        "ours": round(counting * 1e6, 1),
        "limit": round(batch * 1e6, 1),
        "unit": "µs a batch",
        "ratio": round(counting / batch, 4),
    }


def _engine(observer: _Timed) -> tuple[Assignments, Applying]:
    backoff = Backoff(0.1, 1.0)
    assignments = Assignments(
        _NAME,
        MemoryOffsetStore(),
        owner="benchmark",
        start=BEGINNING,
        backoff=backoff,
        observer=observer,
    )
    upcasting = Upcasting([], fold.handles)
    applying = Applying(
        assignments,
        Decoding(CloudEvents(), upcasting, fold.handles, skip_poison=False, observer=observer),
        Settling(fold, loop=Loop(), observer=observer),
        owns=lambda _: True,
        mirror=lambda _partition, _offset: None,
        backoff=backoff,
        observer=observer,
    )
    return assignments, applying


def _claim(assignments: Assignments, partition: Partition) -> Claim:
    claim = assignments.claim(partition, LogIdentity("log", PARTITIONS), lambda _: IntOffset(-1))
    assert claim is not None
    return claim


def _fetched(claim: Claim, values: Sequence[bytes], number: int) -> Fetched:
    """The same values again, as the partition's next batch."""
    first = number * len(values)
    records = [
        Record(claim.partition, IntOffset(first + i), None, value, _HEADERS)
        for i, value in enumerate(values)
    ]
    return Fetched(claim, records, records[-1].offset)


def rows() -> dict[str, dict[str, Any]]:
    """For the benchmark's table: batches of 500, which must cost less than 3 %, and small ones."""
    return {"M1": measured(500), "M1/50": measured(50)}


if __name__ == "__main__":
    for name, row in rows().items():
        print(name, row)
