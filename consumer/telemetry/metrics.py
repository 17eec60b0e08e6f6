"""What is counted of projections, under the names that go-sync-kit gives it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress

from prometheus_client import CollectorRegistry

from consumer.errors import Misconfigured
from consumer.model.operations import ErrorType, Operation
from consumer.telemetry.families import Described, Families
from consumer.telemetry.operation_metrics import OperationMetrics
from consumer.telemetry.worker_metrics import WorkerMetrics

__all__ = [
    "ErrorType",
    "Operation",
    "ProjectionMetrics",
    "get_default",
    "init_default",
    "record_applied",
    "record_error",
    "set_health",
    "update_lag",
]


class ProjectionMetrics:
    """The metrics of a service's projections, on a registry of its own unless one is given.

    Every series has the label `service`, and `labels` with the same values everywhere. Safe to use
    from several threads. Raises `Misconfigured` where a label cannot be, or the registry has such
    metrics already.
    """

    def __init__(
        self,
        service: str,
        labels: Mapping[str, str] | None = None,
        registry: CollectorRegistry | None = None,
    ) -> None:
        #: Where all of them are collected.
        self.registry = registry or CollectorRegistry()
        if "service" in (labels or {}):
            raise Misconfigured(
                "the label service is given by the name of the service: leave it out"
            )
        self._families = Families({"service": service, **(labels or {})})
        #: Those of the contract, without what `record_projection_operation` says of health.
        self.operations = OperationMetrics(self._families)
        #: Those that only a worker of a fleet has.
        self.workers = WorkerMetrics(self._families)
        self._expose()

    def record_projection_operation(
        self,
        projection: str,
        operation: str,
        duration: float,
        success: bool,
        events_processed: int,
    ) -> None:
        """An operation ended, after `duration` seconds, with so many events given to the projector and committed.

        Its error, where it had one, is counted by `record_projection_error` alone.
        """
        self.operations.record(projection, operation, duration, success, events_processed)
        self.set_projection_health(projection, success)

    def record_projection_error(self, projection: str, operation: str, error_type: str) -> None:
        """An operation failed, and with it the projection's health; called once for each error."""
        self.operations.errors.of(projection, operation, error_type).inc()
        self.set_projection_health(projection, False)

    def update_projection_lag(self, projection: str, seconds: float) -> None:
        """The oldest event that is still to be applied is so many seconds old; 0 where there is none."""
        self.operations.lag.of(projection).set(seconds)

    def set_projection_health(self, projection: str, healthy: bool) -> None:
        """Says so, whatever the last operation said."""
        self.operations.health.of(projection).set(1 if healthy else 0)

    def get_projection_metrics(self, projection: str) -> dict[str, float]:
        """The projection's values by series, written as Prometheus does, without the labels that they all
        have: `projection_operations_total{operation="apply_since",status="success"}`. Of histograms the
        sum and the count.
        """
        shared = {"projection", *self._families.constant}
        return {
            _series(
                sample.name, {k: v for k, v in sample.labels.items() if k not in shared}
            ): sample.value
            for metric in self._families.collect()
            for sample in metric.samples
            if sample.labels["projection"] == projection and not sample.name.endswith("_bucket")
        }

    def reset_projection_metrics(self, projection: str) -> None:
        """Takes away the projection's series, and no other's; what happens next begins anew."""
        self._families.remove(projection)

    def start_projection(self, projection: str, operation: str) -> None:
        """Lets the counters of an operation exist at 0, so that an alert sees their first step."""
        self.operations.start(projection, operation)

    def described(self) -> Sequence[Described]:
        """What each metric is; the reference is made of it."""
        return self._families.described

    @contextmanager
    def giving_way(self) -> Iterator[None]:
        """Inside, the registry is free for others of these names; they have it for good unless that raises."""
        with suppress(KeyError):  # its owner may have taken them off already
            self.registry.unregister(self._families)
        try:
            yield
        except Misconfigured:
            self._expose()
            raise

    def _expose(self) -> None:
        try:
            self.registry.register(self._families)
        except ValueError as cause:
            raise Misconfigured(
                "the registry has metrics of these names already: share one ProjectionMetrics, "
                "or give each a registry of its own"
            ) from cause


def init_default(
    service: str,
    labels: Mapping[str, str] | None = None,
    registry: CollectorRegistry | None = None,
) -> None:
    """Makes the metrics that the functions of this module count in.

    Once more replaces them, also on their registry. Raises as `ProjectionMetrics`, and then nothing changed.
    """
    global _default  # noqa: PLW0603  # the contract is a default for the whole program
    with nullcontext() if _default is None else _default.giving_way():
        _default = ProjectionMetrics(service, labels, registry)


def get_default() -> ProjectionMetrics | None:
    """What `init_default` made; None before it."""
    return _default


def record_applied(name: str, count: int, duration: float, operation: str) -> None:
    """An operation of the projection applied so many events in `duration` seconds."""
    if _default is not None:
        _default.record_projection_operation(name, operation, duration, True, count)


def record_error(name: str, error_type: str) -> None:
    """The projection failed to apply what its log holds."""
    if _default is not None:
        _default.record_projection_error(name, Operation.APPLY_SINCE, error_type)


def set_health(name: str, healthy: bool) -> None:
    """As `ProjectionMetrics.set_projection_health`."""
    if _default is not None:
        _default.set_projection_health(name, healthy)


def update_lag(name: str, seconds: float) -> None:
    """As `ProjectionMetrics.update_projection_lag`."""
    if _default is not None:
        _default.update_projection_lag(name, seconds)


_default: ProjectionMetrics | None = None


def _series(name: str, labels: Mapping[str, str]) -> str:
    inner = ",".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
    return f"{name}{{{inner}}}" if inner else name
