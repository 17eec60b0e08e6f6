"""Metrics that share constant labels, collected as one."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec
from prometheus_client import Counter, Gauge, Histogram, Metric
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.registry import Collector

from consumer.errors import Misconfigured

M = TypeVar("M", bound=MetricWrapperBase)


class Described(msgspec.Struct, frozen=True):
    """What a metric is, for those who read about it."""

    name: str
    type: str
    #: Its own ones, behind the constant ones.
    labels: tuple[str, ...]
    meaning: str


class Family(Generic[M]):
    """One metric, and its series by the values of its own labels.

    A series exists from the first time that it is asked for until it is removed. Safe to use from
    several threads.
    """

    def __init__(self, metric: M, constant: Sequence[str]) -> None:
        self._metric = metric
        self._constant = constant
        self._series: dict[tuple[str, ...], M] = {}
        self._changing = threading.Lock()

    def of(self, *values: str) -> M:
        """The series with these values of its labels, in their order."""
        # The hot path: `labels()` of the client takes ten times as long.
        series = self._series.get(values)
        return self._made(values) if series is None else series

    def remove(self, *values: str) -> None:
        """Takes the series with these values away; one that is not there is no error."""
        with self._changing:
            if self._series.pop(values, None) is not None:
                self._metric.remove(*self._constant, *values)

    def remove_all(self, first: str) -> None:
        """Takes away the series whose first label has this value."""
        for values in [values for values in list(self._series) if values[0] == first]:
            self.remove(*values)

    def _made(self, values: tuple[str, ...]) -> M:
        with self._changing:
            series = self._series[values] = self._metric.labels(*self._constant, *values)
        return series


class Families(Collector):
    """The metrics of a service, each with the service's constant labels in front of its own.

    Raises `Misconfigured` where a constant label cannot be one, or is called like one of a metric.
    """

    def __init__(self, constant: Mapping[str, str]) -> None:
        #: The labels that all of them have, and their values.
        self.constant = constant
        self._metrics: list[MetricWrapperBase] = []
        self._families: list[Family[Any]] = []
        #: All that were declared, in that order.
        self.described: list[Described] = []

    def counter(self, name: str, meaning: str, *labels: str) -> Family[Counter]:
        """A number that only grows while the process lives."""
        return self._declared(Counter, name, meaning, labels)

    def gauge(self, name: str, meaning: str, *labels: str) -> Family[Gauge]:
        """A number as it is now."""
        return self._declared(Gauge, name, meaning, labels)

    def histogram(
        self, name: str, meaning: str, *labels: str, buckets: Sequence[float]
    ) -> Family[Histogram]:
        """How often a number was at most each of `buckets`, their sum and their count."""
        return self._declared(Histogram, name, meaning, labels, buckets=buckets)

    def remove(self, projection: str) -> None:
        """Takes away all series of a projection: the first label of each metric here."""
        for family in self._families:
            family.remove_all(projection)

    def describe(self) -> Iterator[Metric]:
        """As a registry asks, to see that no name is taken twice."""
        for metric in self._metrics:
            yield from metric.describe()

    def collect(self) -> Iterator[Metric]:
        """The metrics that have series, without the client's `_created`.

        Those would double the series of every counter to say when it began, and the counters that
        matter begin at 0 anyway. Switching them off in the client would do it to the whole program.
        """
        for metric in self._metrics:
            for collected in metric.collect():
                collected.samples = [
                    sample for sample in collected.samples if not sample.name.endswith("_created")
                ]
                if collected.samples:
                    yield collected

    def _declared(
        self, kind: type[M], name: str, meaning: str, labels: tuple[str, ...], **options: Any
    ) -> Family[M]:
        if taken := self.constant.keys() & set(labels):
            raise Misconfigured(
                f"the label {', '.join(sorted(taken))} is one of the metrics' own: call yours otherwise"
            )
        try:
            metric = kind(name, meaning, [*self.constant, *labels], registry=None, **options)
        except ValueError as cause:
            raise Misconfigured(
                f"the labels {', '.join(self.constant)} cannot be: {cause}"
            ) from cause
        family = Family(metric, list(self.constant.values()))
        self._metrics.append(metric)
        self._families.append(family)
        self.described.append(Described(name, kind.__name__.lower(), labels, meaning))
        return family
