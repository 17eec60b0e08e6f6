"""The observer that counts: every metric of a worker comes from facts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from consumer.errors import Fenced, NoUpcaster, SequenceGap, Undecodable
from consumer.model.facts import (
    Applied,
    Claimed,
    Delayed,
    Dropped,
    Duplicated,
    Fact,
    Gapped,
    Halted,
    Joined,
    Lagged,
    Left,
    Lost,
    Rejoining,
    Resumed,
    Revoked,
    Skipped,
    Stopped,
    Unclaimed,
    Unmeasured,
    Unmirrored,
    Waiting,
)
from consumer.model.operations import ErrorType, Operation
from consumer.model.position import Partition
from consumer.telemetry.metrics import ProjectionMetrics
from consumer.telemetry.partitions import Partitions
from consumer.telemetry.worker_metrics import REJOINS

#: A worker applies what the log holds behind the checkpoint.
_OPERATION = Operation.APPLY_SINCE


class Counting:
    """Counts what happens to a projection in this process; one for each worker.

    The counters are there at 0 before anything happens.
    """

    def __init__(self, metrics: ProjectionMetrics, projection: str) -> None:
        self._metrics = metrics
        self._workers = metrics.workers
        self._projection = projection
        self._partitions = Partitions(metrics, projection)
        self._is_counted_in = True
        self._unclaimed: set[Partition] = set()
        self._waiting: set[Partition] = set()
        self._halted: set[Partition] = set()
        metrics.start_projection(projection, _OPERATION)
        metrics.workers.start(projection)
        self._heard: dict[type[Fact], Callable[[Any], None]] = {
            Delayed: self._delayed,
            Joined: self._joined,
            Left: self._left,
            Unclaimed: self._unclaims,
            Claimed: self._claimed,
            Applied: self._applied,
            Waiting: self._waits,
            Resumed: self._resumed,
            Halted: self._halts,
            Skipped: self._skipped,
            Duplicated: self._duplicated,
            Gapped: self._gapped,
            Dropped: self._dropped,
            Revoked: self._revoked,
            Lost: self._lost,
            Lagged: self._lagged,
            Unmeasured: self._unmeasured,
            Unmirrored: self._unmirrored,
            Rejoining: self._rejoining,
            Stopped: self._stopped,
        }

    def happened(self, fact: Fact) -> None:
        """Counts the fact, if there is something to count about it."""
        heard = self._heard.get(type(fact))
        if heard is not None:
            heard(fact)

    def _delayed(self, _: Delayed) -> None:
        self._retries(ErrorType.OFFSET)

    def _joined(self, _: Joined) -> None:
        self._count_in(True)
        self._recover()

    def _left(self, _: Left) -> None:
        self._count_in(False)
        self._unclaimed.clear()  # what it is assigned next, it claims anew
        self._metrics.set_projection_health(self._projection, False)

    def _unclaims(self, fact: Unclaimed) -> None:
        self._retries(ErrorType.OFFSET)
        self._unclaimed.add(fact.partition)

    def _claimed(self, fact: Claimed) -> None:
        self._workers.rebalances.of(self._projection, "claimed").inc()
        self._partitions.hold(fact.partition, fact.epoch, fact.offset)
        if fact.partition in self._unclaimed:
            self._unclaimed.discard(fact.partition)
            self._recover()

    def _applied(self, fact: Applied) -> None:
        self._metrics.operations.record(
            self._projection, _OPERATION, fact.seconds, True, fact.events
        )
        if self._is_counted_in:
            self._metrics.set_projection_health(self._projection, True)
        if fact.events:
            self._workers.applies.of(self._projection).observe(fact.apply_seconds)
        self._workers.commits.of(self._projection).observe(fact.commit_seconds)
        self._partitions.move(fact.partition, fact.offset)

    def _waits(self, fact: Waiting) -> None:
        self._metrics.operations.record(self._projection, _OPERATION, fact.seconds, False, 0)
        self._retries(fact.error_type)
        if fact.attempt == 1:
            self._workers.waits.of(self._projection).inc()
        self._waiting.add(fact.partition)
        self._show_standing()

    def _resumed(self, fact: Resumed) -> None:
        self._goes_on(fact.partition)

    def _dropped(self, fact: Dropped) -> None:
        self._goes_on(fact.partition)

    def _halts(self, fact: Halted) -> None:
        undecodable = _is_undecodable(fact.cause)
        if undecodable:
            self._workers.decode_errors.of(self._projection).inc()
        is_gap = isinstance(fact.cause, SequenceGap)
        if is_gap:
            self._workers.gaps.of(self._projection).inc()
        self._failed(ErrorType.LOAD if undecodable or is_gap else ErrorType.OFFSET)
        self._waiting.discard(fact.partition)
        self._halted.add(fact.partition)
        self._show_standing()

    def _skipped(self, fact: Skipped) -> None:
        self._workers.skipped.of(self._projection).inc()
        if _is_undecodable(fact.cause):
            self._workers.decode_errors.of(self._projection).inc()

    def _duplicated(self, fact: Duplicated) -> None:
        self._workers.duplicates.of(self._projection).inc(fact.events)

    def _gapped(self, fact: Gapped) -> None:
        self._workers.gaps.of(self._projection).inc(fact.events)

    def _revoked(self, fact: Revoked) -> None:
        self._gone(fact, "revoked")

    def _lost(self, fact: Lost) -> None:
        self._gone(fact, "lost")

    def _lagged(self, fact: Lagged) -> None:
        if not self._partitions.measured(fact.lags, datetime.now(UTC)):
            self._unmeasured(fact)

    def _unmeasured(self, _: Unmeasured | Lagged) -> None:
        self._workers.lag_failures.of(self._projection).inc()

    def _unmirrored(self, _: Unmirrored) -> None:
        self._workers.mirror_failures.of(self._projection).inc()

    def _rejoining(self, fact: Rejoining) -> None:
        is_fenced = isinstance(fact.cause, Fenced)
        fenced, source_failed = REJOINS
        if is_fenced:
            self._workers.fenced_commits.of(self._projection).inc()
        self._workers.rejoins.of(self._projection, fenced if is_fenced else source_failed).inc()
        self._failed(ErrorType.OFFSET if is_fenced else ErrorType.LOAD)
        self._all_gone()

    def _stopped(self, _: Stopped) -> None:
        self._all_gone()

    def _failed(self, error_type: ErrorType) -> None:
        self._metrics.record_projection_error(self._projection, _OPERATION, error_type)

    def _retries(self, error_type: ErrorType) -> None:
        self._failed(error_type)
        self._workers.retries.of(self._projection, error_type).inc()

    def _count_in(self, is_counted_in: bool) -> None:
        self._is_counted_in = is_counted_in
        self._partitions.counted_in(is_counted_in)

    def _recover(self) -> None:
        """What failed is over, unless more does; an idle topic brings no success to say so."""
        if self._is_counted_in and not (self._unclaimed or self._waiting or self._halted):
            self._metrics.set_projection_health(self._projection, True)

    def _goes_on(self, partition: Partition) -> None:
        self._waiting.discard(partition)
        self._show_standing()

    def _gone(self, fact: Revoked | Lost, kind: str) -> None:
        if fact.epoch is not None:  # else it never came
            self._workers.rebalances.of(self._projection, kind).inc()
        self._partitions.let_go(fact.partition)
        self._unclaimed.discard(fact.partition)
        self._waiting.discard(fact.partition)
        self._halted.discard(fact.partition)
        self._show_standing()

    def _all_gone(self) -> None:
        self._count_in(False)
        self._partitions.let_all_go()
        self._unclaimed.clear()
        self._waiting.clear()
        self._halted.clear()
        self._show_standing()

    def _show_standing(self) -> None:
        self._workers.waiting.of(self._projection).set(len(self._waiting))
        self._workers.halted.of(self._projection).set(len(self._halted))


def _is_undecodable(cause: BaseException) -> bool:
    return isinstance(cause, Undecodable | NoUpcaster)
