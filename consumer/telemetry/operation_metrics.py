"""What go-sync-kit counts of operations, whoever does them."""

from __future__ import annotations

import time

from consumer.model.operations import ErrorType
from consumer.telemetry.families import Families

#: Seconds, from 1 ms to 10 s.
_DURATIONS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
#: Events; what is above the last has a bucket too.
_BATCH_SIZES = (1, 5, 10, 25, 50, 100, 250, 500, 1000, 2000)


class OperationMetrics:
    """The families of the contract's metrics."""

    def __init__(self, families: Families) -> None:
        self.ended = families.counter(
            "projection_operations_total",
            "Operations that ended; a worker's are its batches, under apply_since. status is success or error.",
            "projection",
            "operation",
            "status",
        )
        self.durations = families.histogram(
            "projection_operation_duration_seconds",
            "Seconds that an operation took, from having the events in hand to the commit's reply.",
            "projection",
            "operation",
            buckets=_DURATIONS,
        )
        self.events = families.counter(
            "projection_events_processed_total",
            "Events given to the projector and committed; those of types that it does not handle are not among "
            "them.",
            "projection",
            "operation",
        )
        self.batch_sizes = families.histogram(
            "projection_batch_size",
            "Events of an operation that the projector was given; operations without any are left out.",
            "projection",
            buckets=_BATCH_SIZES,
        )
        self.errors = families.counter(
            "projection_errors_total",
            f"Operations that failed, by what failed: error_type is {', '.join(ErrorType)}.",
            "projection",
            "operation",
            "error_type",
        )
        self.last_success = families.gauge(
            "projection_last_success_timestamp_seconds",
            "When an operation last succeeded, in seconds since 1970; not there before the first.",
            "projection",
            "operation",
        )
        self.lag = families.gauge(
            "projection_lag_seconds",
            "Age of the oldest event still to be applied in any partition that this worker holds, as far as measured; "
            "0 where there is none. Not there while it holds none, and where 0 would be a guess.",
            "projection",
        )
        self.health = families.gauge(
            "projection_health",
            "1 after a success, 0 after an error; a worker's is 0 while the fleet does not count it in.",
            "projection",
        )

    def record(
        self, projection: str, operation: str, duration: float, success: bool, events: int
    ) -> None:
        """An operation ended, after `duration` seconds, with so many events given to the projector and committed."""
        self.ended.of(projection, operation, "success" if success else "error").inc()
        self.durations.of(projection, operation).observe(duration)
        self.events.of(projection, operation).inc(events)
        if events:
            self.batch_sizes.of(projection).observe(events)
        if success:
            self.last_success.of(projection, operation).set(time.time())

    def start(self, projection: str, operation: str) -> None:
        """Lets the counters of an operation exist at 0, so that an alert sees their first step."""
        for status in ("success", "error"):
            self.ended.of(projection, operation, status)
        for error_type in ErrorType:
            self.errors.of(projection, operation, error_type)
        self.events.of(projection, operation)
        self.durations.of(projection, operation)
        self.batch_sizes.of(projection)
