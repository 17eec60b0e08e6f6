"""Keeping a read model up to date inside a program of one's own, without a fleet."""

from __future__ import annotations

import itertools
import socket
import uuid
from collections.abc import Iterator, Sequence

import msgspec

from consumer.engine.awaiting import Loop
from consumer.engine.holding import Holding
from consumer.engine.settling import Settling
from consumer.engine.upcasting import Upcasting
from consumer.engine.work import Work
from consumer.errors import ConsumerError, Misconfigured
from consumer.model.event import Event
from consumer.model.facts import Fact
from consumer.model.names import validated_name
from consumer.model.position import Claim, Offset, Partition
from consumer.ports.event_log import EventLog
from consumer.ports.offset_store import OffsetStore
from consumer.ports.projector import AnyProjector
from consumer.ports.upcaster import Upcaster


class Applied(msgspec.Struct, frozen=True):
    """How far a call of a `Runner` came."""

    #: Events passed: those of types that the projector does not handle count too.
    count: int
    #: The offset of the last one; None when there was none.
    last: Offset | None


class Runner:
    """Applies one partition of an event log with a projector, from its checkpoint on.

    It claims the partition at its first call and keeps the epoch: a second `Runner`, or a worker,
    that claims it later fences this one, whose calls then raise `Fenced`. Not safe to share between
    threads. Raises `Misconfigured` when made with a batch size below 1, a log of several partitions
    and none named, or a name that cannot be one.
    """

    def __init__(
        self,
        event_log: EventLog,
        offsets: OffsetStore,
        projector: AnyProjector,
        *,
        partition: Partition | None = None,
        batch_size: int = 500,
        upcasters: Sequence[Upcaster] = (),
    ) -> None:
        if batch_size < 1:
            raise Misconfigured(f"a batch size of {batch_size} applies nothing: use 1 or more")
        self._event_log = event_log
        self._offsets = offsets
        self._projection = validated_name(projector.name)
        self._partition = partition or _only(event_log.partitions())
        self._batch_size = batch_size
        self._handles = projector.handles
        self._upcasting = Upcasting(upcasters, projector.handles)
        self._loop = Loop()
        self._settling = Settling(projector, loop=self._loop, observer=_Silent())
        self._holding: Holding | None = None

    def apply_since(self) -> Applied:
        """Applies every event behind the checkpoint, in batches, each committed after it is applied.

        Raises what the projector, the log or the offset store raise: `ApplyFailed`, `Transient`,
        `Undecodable`, `NoUpcaster`, `OffsetLost`, `Fenced`. What was applied before stays committed,
        and its count is the exception's `applied`.
        """
        return self._run(self._since(None))

    def apply_batch(self, events: Sequence[Event]) -> Applied:
        """Applies these events now, as a hook does that has just stored them.

        Events at or below the checkpoint are skipped; what the log holds between the checkpoint and
        the first of them is applied before. Raises `ValueError`, and applies nothing, where their
        offsets do not rise or are another partition's; else as `apply_since`.
        """
        _refuse_disorder(events, self._partition)
        return self._run(self._given(events))

    def close(self) -> None:
        """Ends the event loop of an `AsyncProjector`. Projector, log and store are their maker's."""
        self._loop.close()

    def _given(self, events: Sequence[Event]) -> Iterator[Sequence[Event]]:
        if events:
            yield from self._since(events[0].offset)
            for start in range(0, len(events), self._batch_size):
                yield events[start : start + self._batch_size]

    def _since(self, before: Offset | None) -> Iterator[Sequence[Event]]:
        """What the log holds behind the checkpoint, up to `before`; reads on only as it is applied."""
        while events := self._read():
            wanted = [event for event in events if before is None or event.offset < before]
            if wanted:
                yield wanted
            if len(wanted) < len(events):
                return

    def _read(self) -> Sequence[Event]:
        return self._event_log.read(self._partition, self._held().offset, self._batch_size)

    def _run(self, batches: Iterator[Sequence[Event]]) -> Applied:
        count, last = 0, None
        try:
            for batch in batches:
                unseen = [event for event in batch if event.offset > self._held().offset]
                if unseen:
                    work = self._settle(unseen)
                    count, last = count + work.records, work.through
                    if work.poison is not None:
                        raise work.poison
        except ConsumerError as error:
            error.applied = count
            raise
        return Applied(count, last)

    def _settle(self, events: Sequence[Event]) -> Work:
        holding = self._held()
        handled = [
            self._upcasting.upcast(event)
            for event in events
            if self._handles is None or event.type in self._handles
        ]
        work = Work(holding, handled, records=len(events), through=events[-1].offset)
        self._settling.settle(work)
        return work

    def _held(self) -> Holding:
        if self._holding is None:
            claim = self._offsets.claim(
                self._projection,
                self._partition,
                owner=f"{socket.gethostname()}-{uuid.uuid4().hex[:8]}",
                log=self._event_log.identity(self._partition),
            )
            self._holding = Holding(claim, claim.offset or self._begin(claim), self._offsets)
        return self._holding

    def _begin(self, claim: Claim) -> Offset:
        """Commits the place before the log's first event, so that what is trimmed later is missed."""
        first = self._event_log.read(self._partition, None, 1)
        beginning = first[0].offset.previous if first else self._event_log.ends()[self._partition]
        self._offsets.commit(claim, None, beginning)
        return beginning


def _only(partitions: Sequence[Partition]) -> Partition:
    if len(partitions) != 1:
        raise Misconfigured(
            f"the log has {len(partitions)} partitions, and a Runner applies one: name it with partition="
        )
    return partitions[0]


def _refuse_disorder(events: Sequence[Event], partition: Partition) -> None:
    for event in events:
        if event.partition != partition:
            raise ValueError(f"{event} is not of {partition}: nothing was applied")
    for earlier, later in itertools.pairwise(events):
        if not earlier.offset < later.offset:
            raise ValueError(f"{later} comes behind {earlier}: sort by offset; nothing was applied")


class _Silent:
    """The observer of a program that has not given one."""

    def happened(self, fact: Fact) -> None:
        """Tells nobody."""
