"""Keeping a read model up to date inside a program of one's own, without a fleet."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self, cast

from consumer.engine.awaiting import Loop
from consumer.engine.calls import Applied, Call, Calls
from consumer.engine.following import Following, refuse_disorder
from consumer.engine.settling import Settling
from consumer.engine.timing_out import TimingOut
from consumer.engine.transacting import transacting
from consumer.engine.upcasting import Upcasting
from consumer.engine.work import Work
from consumer.errors import Closed, Fenced, Misconfigured, Poison, TimedOut, Transient
from consumer.model.event import Event
from consumer.model.facts import Fact
from consumer.model.names import validated_name
from consumer.model.operations import ErrorType, Operation
from consumer.model.position import Partition
from consumer.ports.event_log import EventLog
from consumer.ports.metrics import Metrics
from consumer.ports.offset_store import OffsetStore
from consumer.ports.projector import AnyProjector, TransactionalProjector
from consumer.ports.read_model import ReadModel
from consumer.ports.upcaster import Upcaster

if TYPE_CHECKING:
    import logging

_AGAIN = "make a new Runner: it goes on from the checkpoint"


class Runner:
    """Applies one partition of an event log with a projector, from its checkpoint on.

    It claims the partition at its first call and keeps the epoch: a second `Runner`, or a worker,
    that claims it later fences this one, whose calls then raise `Fenced`. Not safe to share between
    threads, but for `cancel`. With a `timeout`, in seconds, each apply runs on a thread that the runner has
    for it, as does `setup`, where a connection belongs that one thread alone may use; an apply that takes
    longer raises `TimedOut`: as it may still be running, every later call does too. `logger` gets a line for each call, and `metrics` a count.

    With a `read_model` the projector is a `TransactionalProjector`, and each event counts once, whatever dies
    when. It is its maker's to close, like the others.

    A projector of coroutines is waited for on an event loop of the runner's own: inside one that runs, call
    the runner in a thread, as in `await asyncio.to_thread(runner.apply_since)`; else it raises `Misconfigured`.

    Raises `Misconfigured` when made with a batch size below 1, a timeout that is none, a log of several
    partitions and none named, a name that cannot be one, or a projector that does not go with the read model.
    """

    def __init__(
        self,
        event_log: EventLog,
        offsets: OffsetStore,
        projector: AnyProjector | TransactionalProjector,
        *,
        read_model: ReadModel | None = None,
        partition: Partition | None = None,
        batch_size: int = 500,
        upcasters: Sequence[Upcaster] = (),
        logger: logging.Logger | None = None,
        metrics: Metrics | None = None,
        timeout: float | None = None,
    ) -> None:
        if batch_size < 1:
            raise Misconfigured(f"a batch size of {batch_size} applies nothing: use 1 or more")
        self._projection = validated_name(projector.name)
        self._partition = partition or _only(event_log.partitions())
        self._handles = projector.handles
        self._upcasting = Upcasting(upcasters, projector.handles)
        self._loop = Loop()
        inside = transacting(projector, read_model)
        applies = inside or cast(AnyProjector, projector)
        self._timing_out = None if timeout is None else TimingOut(applies, _seconds(timeout))
        self._settling = Settling(
            self._timing_out or applies,
            loop=self._loop,
            in_transactions=inside is not None,
            observer=_Silent(),
        )
        self._calls = Calls(self._projection, self._partition, logger=logger, metrics=metrics)
        self._following = Following(
            event_log,
            offsets,
            self._projection,
            self._partition,
            transacting=inside,
            batch_size=batch_size,
        )
        self._in_transactions = inside is not None
        #: What an earlier call applied and could not commit, or may have.
        self._uncommitted: Work | None = None
        self._is_fenced = False
        self._is_closed = False

    def apply_since(self) -> Applied:
        """Applies every event behind the checkpoint, in batches, each committed after it is applied.

        Raises what the projector, the log or the offset store raise: `ApplyFailed`, `Transient`,
        `Undecodable`, `NoUpcaster`, `OffsetLost`, `Fenced`; and `TimedOut`, `Cancelled`. What was applied
        before stays committed, and its count is the exception's `applied`. After `Fenced`, `TimedOut`
        and `Cancelled` it takes a new `Runner`; after all others the next call goes on.
        """
        return self._run(Operation.APPLY_SINCE, self._since)

    def apply_batch(self, events: Sequence[Event]) -> Applied:
        """Applies these events now, as a hook does that has just stored them.

        Events at or below the checkpoint are skipped; what the log holds between the checkpoint and
        the last of them is applied in its place. Of a record that bundles several give all. Raises
        `ValueError`, and applies nothing, where their offsets do not rise, are another partition's, or an
        earlier part of a record is missing; else as `apply_since`.
        """
        return self._run(Operation.APPLY_BATCH, lambda call: self._given(call, events))

    def cancel(self) -> None:
        """Stops the call that runs before its next batch: it raises `Cancelled`, and so does every later one.

        What was committed stays. From any thread, and from a signal's handler, as in
        `signal.signal(signal.SIGTERM, lambda *_: runner.cancel())`: it takes note, and waits for nothing.
        """
        self._calls.cancel()

    def close(self) -> None:
        """Gives the partition back, and ends the thread and the event loop of the applies.

        Projector, log and store are their maker's. Safe to call twice; any other call after it raises
        `Closed`. A `with` block does it.
        """
        self._is_closed = True
        if self._timing_out is not None:
            self._timing_out.close()
        self._loop.close()
        self._following.let_go()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        cause: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _run(
        self, operation: Operation, batches: Callable[[Call], Iterator[Sequence[Event]]]
    ) -> Applied:
        self._check_usable()
        with self._calls.begin(operation) as call:
            for events in batches(call):
                self._settle(call, self._work(call, events))
        return call.applied

    def _since(self, call: Call) -> Iterator[Sequence[Event]]:
        self._commit_what_is_applied(call)
        yield from self._following.since(call)

    def _given(self, call: Call, events: Sequence[Event]) -> Iterator[Sequence[Event]]:
        refuse_disorder(events, self._partition)
        if events:
            self._commit_what_is_applied(call)
            yield from self._following.given(call, events)

    def _work(self, call: Call, events: Sequence[Event]) -> Work:
        """The events as the projector is given them, up to one that no upcaster can bring there."""
        call.at = ErrorType.LOAD
        holding = self._following.holding(call)
        handled: list[Event] = []
        work = Work(holding, handled, read=events, through=events[-1].offset)
        for event in events:
            if self._handles is None or event.type in self._handles:
                try:
                    handled.append(self._upcasting.upcast(event))
                except Poison as poison:
                    work.stop_before(poison)
                    break
        return work

    def _settle(self, call: Call, work: Work) -> None:
        call.check_cancelled()
        call.at = ErrorType.APPLY
        self._uncommitted = None
        try:
            self._settling.settle(work)
        except BaseException as error:
            self._is_fenced = isinstance(error, Fenced)
            if work.applied or not work.events:
                call.at = ErrorType.OFFSET
                self._uncommitted = work
            elif self._in_transactions and isinstance(error, Transient):
                self._uncommitted = work  # it may be written, and only the answer was lost
            raise
        call.passed(work)
        if work.poison is not None:
            raise work.poison

    def _commit_what_is_applied(self, call: Call) -> None:
        """The same commit again, which succeeds even if the store took it before; another is fenced then."""
        if self._uncommitted is not None:
            self._settle(call, self._uncommitted)

    def _check_usable(self) -> None:
        whose = f"this Runner of {self._projection} in {self._partition}"
        if self._is_closed:
            raise Closed(f"{whose} is closed; {_AGAIN}")
        if self._timing_out is not None and self._timing_out.has_left:
            raise TimedOut(f"{whose} gave up on an apply that may still be running; {_AGAIN}")
        if self._is_fenced:
            raise Fenced(
                f"{whose} was fenced, and applies no more; to take the partition, {_AGAIN}"
            )


def _seconds(timeout: float) -> float:
    if not 0 < timeout <= threading.TIMEOUT_MAX:
        raise Misconfigured(
            f"a timeout of {timeout} seconds is none: use more than 0, or None to wait for ever"
        )
    return timeout


def _only(partitions: Sequence[Partition]) -> Partition:
    if len(partitions) != 1:
        raise Misconfigured(
            f"the log has {len(partitions)} partitions, and a Runner applies one: name it with partition="
        )
    return partitions[0]


class _Silent:
    """The observer of a program that has not given one."""

    def happened(self, fact: Fact) -> None:
        """Tells nobody."""
