"""The calls of a `Runner`: how far each came, what ended it, and who is told."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from consumer.engine.work import Work
from consumer.errors import Cancelled, NoUpcaster, TimedOut, Undecodable
from consumer.model.causes import told
from consumer.model.operations import ErrorType, Operation
from consumer.model.position import Offset, Partition
from consumer.ports.metrics import Metrics

if TYPE_CHECKING:
    import logging


class Applied(msgspec.Struct, frozen=True):
    """How far a call of a `Runner` came."""

    #: Events passed: those of types that the projector does not handle count too.
    count: int
    #: The offset of the last one; None when there was none.
    last: Offset | None


class Call:
    """One call under way."""

    def __init__(self, operation: Operation, check_cancelled: Callable[[], None]) -> None:
        self.operation = operation
        #: Asked before each step that may take long; raises `Cancelled`.
        self.check_cancelled = check_cancelled
        #: How far it came: what is applied and committed.
        self.applied = Applied(0, None)
        #: Those events of it that the projector was given.
        self.given = 0
        #: What it is at, and so what an error is counted as whose type does not tell.
        self.at = ErrorType.LOAD

    def passed(self, work: Work) -> None:
        """The work is settled."""
        self.given += len(work.events)
        if work.records:
            self.applied = Applied(self.applied.count + work.records, work.through)

    def type_of(self, error: BaseException) -> ErrorType:
        """What the error that ends this call is counted as."""
        if isinstance(error, TimedOut):
            return ErrorType.TIMEOUT
        if isinstance(error, Cancelled | KeyboardInterrupt):
            return ErrorType.CONTEXT
        if isinstance(error, Undecodable | NoUpcaster):  # also where only the projector found out
            return ErrorType.LOAD
        return self.at


class Calls:
    """Tells a logger and metrics, where there are any, of each call and of each error, once."""

    def __init__(
        self,
        projection: str,
        partition: Partition,
        *,
        logger: logging.Logger | None,
        metrics: Metrics | None,
    ) -> None:
        self._projection = projection
        self._partition = partition
        self._logger = logger
        self._metrics = metrics
        self._is_cancelled = False
        if metrics is not None:
            for operation in Operation:
                metrics.start_projection(projection, operation)

    def cancel(self) -> None:
        """Cancels the call that is under way, and every later one; from any thread, even in a signal's handler."""
        self._is_cancelled = True  # no lock: a handler may have interrupted whoever holds it

    @contextmanager
    def begin(self, operation: Operation) -> Iterator[Call]:
        """Inside, the call is under way. An error that ends it gets `applied`, the count so far."""
        call = Call(operation, self._check_cancelled)
        began = time.monotonic()
        try:
            self._check_cancelled()
            yield call
        except BaseException as error:
            error.applied = call.applied.count  # type: ignore[attr-defined]  # any exception takes it
            self._count(call, time.monotonic() - began, call.type_of(error))
            self._log(call, time.monotonic() - began, error)
            raise
        self._count(call, time.monotonic() - began, None)
        self._log(call, time.monotonic() - began, None)

    def _check_cancelled(self) -> None:
        if self._is_cancelled:
            raise Cancelled(
                f"{self._projection} in {self._partition} was cancelled, and so is this Runner; a new one "
                "goes on from the checkpoint"
            )

    def _count(self, call: Call, seconds: float, error: ErrorType | None) -> None:
        if self._metrics is None:
            return
        self._metrics.record_projection_operation(
            self._projection, call.operation, seconds, error is None, call.given
        )
        if error is not None:
            self._metrics.record_projection_error(self._projection, call.operation, error)

    def _log(self, call: Call, seconds: float, error: BaseException | None) -> None:
        if self._logger is None:
            return
        did = (
            f"{call.operation} of {self._projection} in {self._partition}: "
            f"{call.applied.count} applied, last {call.applied.last}, {seconds:.3f} s"
        )
        if error is None:
            self._logger.info("%s", did)
        else:
            kind = call.type_of(error)
            log = self._logger.info if kind is ErrorType.CONTEXT else self._logger.error
            log("%s; %s: %s", did, kind, told(error))
