"""Where a `Runner` counts what it does."""

from __future__ import annotations

from typing import Protocol


class Metrics(Protocol):
    """Counts operations and their errors; `consumer.telemetry.metrics.ProjectionMetrics` is one."""

    def start_projection(self, projection: str, operation: str) -> None:
        """The operation may come from now on: its counters exist at 0, so that an alert sees their first step."""

    def record_projection_operation(
        self,
        projection: str,
        operation: str,
        duration: float,
        success: bool,
        events_processed: int,
    ) -> None:
        """An operation ended, after `duration` seconds, with so many events given to the projector and committed."""

    def record_projection_error(self, projection: str, operation: str, error_type: str) -> None:
        """An operation failed; called once for each error, beside `record_projection_operation`."""
