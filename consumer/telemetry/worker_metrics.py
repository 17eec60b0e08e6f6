"""What is counted of a worker of a fleet, beyond what go-sync-kit counts."""

from __future__ import annotations

from consumer.model.operations import ErrorType
from consumer.telemetry.families import Families

#: Seconds. An apply may take minutes; a commit is one round trip.
_APPLIES = (
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    60.0,
)
_COMMITS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)

#: The kinds of `projection_rebalances_total`, the reasons of `projection_retries_total` (past its time an
#: apply ends the worker, and nobody cancels one), and those of `projection_rejoins_total`.
REBALANCES = ("claimed", "revoked", "lost")
RETRIES = (ErrorType.APPLY, ErrorType.OFFSET, ErrorType.LOAD)
REJOINS = ("fenced", "source_failed")

_PLACE = ("projection", "topic", "partition")


class WorkerMetrics:
    """The families of a worker's metrics. Those of a partition last while the worker holds it."""

    def __init__(self, families: Families) -> None:
        self._declare_partitions(families)
        self._declare_membership(families)
        self._declare_work(families)
        self._declare_watching(families)

    def start(self, projection: str) -> None:
        """Lets all exist at 0 that need no partition, so that an alert sees the first step of each."""
        for kind in REBALANCES:
            self.rebalances.of(projection, kind)
        for error_type in RETRIES:
            self.retries.of(projection, error_type)
        for reason in REJOINS:
            self.rejoins.of(projection, reason)
        for family in (
            self.assigned,
            self.waiting,
            self.halted,
            self.fenced_commits,
            self.waits,
            self.applies,
            self.commits,
            self.decode_errors,
            self.skipped,
            self.duplicates,
            self.gaps,
            self.mirror_failures,
            self.lag_failures,
        ):
            family.of(projection)

    def _declare_partitions(self, families: Families) -> None:
        self.lag_events = families.gauge(
            "projection_partition_lag_events",
            "End of the partition minus checkpoint, as the broker counts; on Kafka with the offsets that hold "
            "no event (transaction markers, compacted ones) until they are passed.",
            *_PLACE,
        )
        self.lag_seconds = families.gauge(
            "projection_partition_lag_seconds",
            "Age of the first event still to be applied, by the broker's time; 0 where there is none.",
            *_PLACE,
        )
        self.offset = families.gauge(
            "projection_partition_offset",
            "Offset of the last applied event; on Redis Streams the milliseconds of its id.",
            *_PLACE,
        )
        self.epoch = families.gauge(
            "projection_partition_epoch",
            "Epoch under which the partition is held.",
            *_PLACE,
        )

    def _declare_membership(self, families: Families) -> None:
        self.assigned = families.gauge(
            "projection_assigned_partitions",
            "Partitions that this worker holds.",
            "projection",
        )
        self.rebalances = families.counter(
            "projection_rebalances_total",
            "Partitions that came or went: kind is claimed, revoked (given back in good order) or lost "
            "(somebody else had it already).",
            "projection",
            "kind",
        )
        self.rejoins = families.counter(
            "projection_rejoins_total",
            "Times that the worker left and joined again: reason is fenced or source_failed.",
            "projection",
            "reason",
        )
        self.fenced_commits = families.counter(
            "projection_fenced_commits_total",
            "Commits refused because another worker had claimed the partition since.",
            "projection",
        )

    def _declare_work(self, families: Families) -> None:
        self.applies = families.histogram(
            "projection_apply_duration_seconds",
            "Seconds that the projector took for a batch.",
            "projection",
            buckets=_APPLIES,
        )
        self.commits = families.histogram(
            "projection_commit_duration_seconds",
            "Seconds that the offset store took to move a checkpoint.",
            "projection",
            buckets=_COMMITS,
        )
        self.retries = families.counter(
            "projection_retries_total",
            "Attempts at a batch, at a claim or at the start that failed and are repeated: reason is "
            f"{', '.join(RETRIES)}.",
            "projection",
            "reason",
        )
        self.waits = families.counter(
            "projection_waits_total",
            "Times that a partition began to wait because its batch failed.",
            "projection",
        )
        self.waiting = families.gauge(
            "projection_waiting_partitions",
            "Partitions whose batch failed and is tried again.",
            "projection",
        )
        self.halted = families.gauge(
            "projection_halted_partitions",
            "Partitions that stand at their checkpoint until a person acts.",
            "projection",
        )

    def _declare_watching(self, families: Families) -> None:
        self.decode_errors = families.counter(
            "projection_decode_errors_total",
            "Events that no codec, upcaster or type could read; their partition halted, or they were skipped.",
            "projection",
        )
        self.skipped = families.counter(
            "projection_skipped_events_total",
            "Events passed over because on_undecodable is skip.",
            "projection",
        )
        self.duplicates = families.counter(
            "projection_duplicate_events_total",
            "Events passed over because their sequence, or a later one of their aggregate, had been applied.",
            "projection",
        )
        self.gaps = families.counter(
            "projection_sequence_gaps_total",
            "Events before which others of their aggregate are missing, by their sequence; with gaps: halt their "
            "partition halted.",
            "projection",
        )
        self.mirror_failures = families.counter(
            "projection_mirror_failures_total",
            "Times that the broker's own group could not be shown the checkpoints.",
            "projection",
        )
        self.lag_failures = families.counter(
            "projection_lag_failures_total",
            "Times that the lag of a partition held, or of all, could not be measured; what is shown is the last "
            "that was.",
            "projection",
        )
