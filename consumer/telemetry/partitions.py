"""The series of the partitions that a worker holds."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime

from consumer.model.lag import Lag
from consumer.model.position import IntOffset, Offset, Partition, StreamOffset
from consumer.telemetry.metrics import ProjectionMetrics


class Partitions:
    """Held partitions of a projection, each with its series, which go when it goes.

    Lags come on another thread, and may speak of a partition that was let go meanwhile: those
    are dropped.
    """

    def __init__(self, metrics: ProjectionMetrics, projection: str) -> None:
        self._metrics = metrics
        self._workers = metrics.workers
        self._projection = projection
        #: The labels of each that is held.
        self._labels: dict[Partition, tuple[str, str, str]] = {}
        #: Seconds; of those that were measured.
        self._lags: dict[Partition, float] = {}
        self._is_counted_in = True
        self._changing = threading.Lock()

    def hold(self, partition: Partition, epoch: int, offset: Offset) -> None:
        """It was claimed."""
        labels = (self._projection, partition.topic, str(partition.number))
        with self._changing:
            self._labels[partition] = labels
            self._workers.epoch.of(*labels).set(epoch)
            self._workers.offset.of(*labels).set(_number(offset))
            self._count()
            self._show_worst()

    def move(self, partition: Partition, offset: Offset) -> None:
        """Its checkpoint moved."""
        with self._changing:
            labels = self._labels.get(partition)
            if labels is not None:
                self._workers.offset.of(*labels).set(_number(offset))

    def let_go(self, partition: Partition) -> None:
        """It is somebody else's; nothing of it is shown any more."""
        with self._changing:
            self._remove(partition)
            self._count()
            self._show_worst()

    def let_all_go(self) -> None:
        """The membership is over."""
        with self._changing:
            for partition in list(self._labels):
                self._remove(partition)
            self._count()
            self._show_worst()

    def counted_in(self, is_counted_in: bool) -> None:
        """Whether the fleet counts the worker in: while it does not, others may hold the same partitions."""
        with self._changing:
            self._is_counted_in = is_counted_in
            self._show_worst()

    def measured(self, lags: Mapping[Partition, Lag], now: datetime) -> bool:
        """What lies before each, and whether all are told of; one that is left out keeps what it showed."""
        with self._changing:
            told = self._labels.keys() & lags.keys()
            for partition in told:
                labels, lag = self._labels[partition], lags[partition]
                seconds = self._lags[partition] = lag.seconds(now)
                self._workers.lag_events.of(*labels).set(lag.events)
                self._workers.lag_seconds.of(*labels).set(seconds)
            self._show_worst()
            return len(told) == len(self._labels)

    def _remove(self, partition: Partition) -> None:
        labels = self._labels.pop(partition, None)
        if labels is not None:
            self._lags.pop(partition, None)
            self._workers.lag_events.remove(*labels)
            self._workers.lag_seconds.remove(*labels)
            self._workers.offset.remove(*labels)
            self._workers.epoch.remove(*labels)

    def _count(self) -> None:
        self._workers.assigned.of(self._projection).set(len(self._labels))

    def _show_worst(self) -> None:
        worst = max(self._lags.values(), default=0.0)
        if worst or self._knows_of_none():
            self._metrics.update_projection_lag(self._projection, worst)
        else:
            self._metrics.operations.lag.remove(self._projection)

    def _knows_of_none(self) -> bool:
        """Whether a lag of 0 is no guess."""
        return self._is_counted_in and 0 < len(self._labels) == len(self._lags)


def _number(offset: Offset) -> int:
    if isinstance(offset, StreamOffset):
        return offset.milliseconds
    assert isinstance(offset, IntOffset)  # noqa: S101  # there is no third kind; for the type checker
    return offset.value
