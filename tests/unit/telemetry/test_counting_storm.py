"""Counting while partitions come and go, lags arrive late and somebody scrapes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from prometheus_client import generate_latest

from consumer.model.facts import Applied, Claimed, Lagged, Revoked
from consumer.model.lag import Lag
from consumer.model.position import IntOffset, Partition
from consumer.telemetry.counting import Counting
from consumer.telemetry.metrics import ProjectionMetrics

PARTITIONS = [Partition("orders", number) for number in range(8)]
AT = IntOffset(41)
LATE = Lagged(dict.fromkeys(PARTITIONS, Lag(9, datetime.now(UTC) - timedelta(seconds=9))))


class Storm:
    """Threads, and what they raised."""

    def __init__(self) -> None:
        self.raised: list[BaseException] = []
        self.over = threading.Event()

    @contextmanager
    def without_end(self, *work: Callable[[], object]) -> Iterator[None]:
        """Each is done again and again beside what is inside."""
        threads = [self._started(lambda each=each: self._again(each)) for each in work]
        try:
            yield
        finally:
            self.over.set()
            for thread in threads:
                thread.join()

    def all(self, *work: Callable[[], object]) -> None:
        for thread in [self._started(each) for each in work]:
            thread.join()

    def _again(self, work: Callable[[], object]) -> None:
        while not self.over.is_set():
            work()

    def _started(self, work: Callable[[], object]) -> threading.Thread:
        def guarded() -> None:
            try:
                work()
            except BaseException as cause:
                self.raised.append(cause)

        thread = threading.Thread(target=guarded)
        thread.start()
        return thread


def test_a_storm_of_threads_loses_no_count_and_leaves_no_series() -> None:
    metrics = ProjectionMetrics("shop")
    counting = Counting(metrics, "customers")
    storm = Storm()

    def applies() -> None:
        for _ in range(2000):
            metrics.record_projection_operation("customers", "apply_since", 0.1, True, 1)
            metrics.record_projection_error("customers", "apply_since", "load_error")

    def rebalances() -> None:
        for _ in range(100):
            for partition in PARTITIONS:
                counting.happened(Claimed(partition, 7, AT))
                counting.happened(Applied(partition, 7, 0, 1, AT, 0.3, 0.25, 0.004))
            for partition in PARTITIONS:
                counting.happened(Revoked(partition, 7, AT))

    measures = lambda: counting.happened(LATE)  # noqa: E731  # two threads of it
    with storm.without_end(measures, measures, lambda: generate_latest(metrics.registry)):
        storm.all(applies, applies, applies, rebalances)

    found = metrics.get_projection_metrics("customers")
    assert storm.raised == []
    assert found['projection_events_processed_total{operation="apply_since"}'] == 6000
    errors = 'projection_errors_total{error_type="load_error",operation="apply_since"}'
    assert found[errors] == 6000
    assert [name for name in found if "topic=" in name] == []
    assert found["projection_assigned_partitions"] == 0


def test_a_projection_that_is_reset_while_it_is_counted_raises_nothing() -> None:
    metrics = ProjectionMetrics("shop")
    storm = Storm()

    def applies() -> None:
        for _ in range(2000):
            metrics.record_projection_operation("customers", "apply_since", 0.1, True, 1)

    with storm.without_end(
        lambda: metrics.reset_projection_metrics("customers"),
        lambda: metrics.get_projection_metrics("customers"),
    ):
        storm.all(applies, applies)

    assert storm.raised == []
    metrics.reset_projection_metrics("customers")
    assert metrics.get_projection_metrics("customers") == {}
