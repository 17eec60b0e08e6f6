"""One partition of a log, followed from its checkpoint on without a fleet."""

from __future__ import annotations

import itertools
import socket
import uuid
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import suppress
from operator import attrgetter

from consumer.engine.calls import Call
from consumer.engine.claiming import Claiming
from consumer.engine.holding import Holding
from consumer.engine.transacting import Transacting
from consumer.errors import ConsumerError
from consumer.model.event import Event
from consumer.model.operations import ErrorType
from consumer.model.position import Offset, Partition
from consumer.model.start import BEGINNING
from consumer.ports.event_log import EventLog
from consumer.ports.offset_store import OffsetStore


class Following:
    """What is to be applied next. It claims the partition when first asked, and keeps the epoch."""

    def __init__(
        self,
        event_log: EventLog,
        offsets: OffsetStore,
        projection: str,
        partition: Partition,
        *,
        transacting: Transacting | None = None,
        batch_size: int,
    ) -> None:
        self._event_log = event_log
        self._offsets = offsets
        self._claiming = Claiming(projection, offsets, transacting)
        self._partition = partition
        self._batch_size = batch_size
        self._holding: Holding | None = None

    def holding(self, call: Call) -> Holding:
        """The claim, and how far it has come."""
        if self._holding is None:
            call.at = ErrorType.LOAD
            log = self._event_log.identity(self._partition)
            call.at = ErrorType.OFFSET
            owner = f"{socket.gethostname()}-{uuid.uuid4().hex[:8]}"
            taken = self._claiming.claim(
                self._partition, owner=owner, log=log, first=lambda: self._beginning(call)
            )
            self._holding = taken.holding
        return self._holding

    def since(self, call: Call) -> Iterator[Sequence[Event]]:
        """What the log holds behind the checkpoint; reads on only as it is applied."""
        while events := self._read(call):
            yield events

    def given(self, call: Call, events: Sequence[Event]) -> Iterator[Sequence[Event]]:
        """Those of these events that are not applied yet, and in its place what the log holds between."""
        at = 0
        while True:
            checkpoint = self.holding(call).offset
            at = bisect_right(events, checkpoint, at, key=attrgetter("offset"))
            unseen = _page(events, at, self._batch_size)
            if not unseen:
                return
            if adjacent := _adjacent(checkpoint, unseen):
                yield adjacent
            else:
                yield from self._filled(call, unseen)

    def let_go(self) -> None:
        """Gives the partition back. Where the store cannot be told, the next claim says the same."""
        if self._holding is not None:
            with suppress(ConsumerError):
                self._offsets.release(self._holding.claim)
            self._holding = None

    def _read(self, call: Call) -> Sequence[Event]:
        call.check_cancelled()
        checkpoint = self.holding(call).offset
        call.at = ErrorType.LOAD
        return self._event_log.read(self._partition, checkpoint, self._batch_size)

    def _filled(self, call: Call, unseen: Sequence[Event]) -> Iterator[Sequence[Event]]:
        """What the log holds before these events; then they, filled up as far as that read of the log tells."""
        read = self._read(call)
        first, last = unseen[0].offset, unseen[-1].offset
        if before := [event for event in read if event.offset < first]:
            yield before
        found = {_place(event): event for event in read if first <= event.offset <= last}
        told = read[-1].offset if read else last
        found |= {_place(event): event for event in unseen if event.offset <= told}
        if found:
            yield _page([found[place] for place in sorted(found)], 0, self._batch_size)

    def _beginning(self, call: Call) -> Offset:
        """The place before the log's first event, so that what is trimmed later is missed."""
        call.at = ErrorType.LOAD
        beginning = self._event_log.before(self._partition, BEGINNING)
        call.at = ErrorType.OFFSET
        return beginning


#: Where an event is in its partition; parts of one record share its offset.
_place = attrgetter("offset", "part")


def _page(events: Sequence[Event], at: int, size: int) -> Sequence[Event]:
    """From the event at `at` on `size` events, and what the last one's record bundles beside it."""
    if len(events) <= at + size:
        return events[at:]
    last = events[at + size - 1].offset
    return events[at : bisect_right(events, last, at + size, key=attrgetter("offset"))]


def _adjacent(checkpoint: Offset, events: Sequence[Event]) -> Sequence[Event]:
    """The first of these events between which, and the checkpoint, no log can hold another."""
    for number, event in enumerate(events):
        if event.offset not in (checkpoint, checkpoint.next):
            return events[:number]
        checkpoint = event.offset
    return events


def refuse_disorder(events: Sequence[Event], partition: Partition) -> None:
    """Raises `ValueError` where the events are another partition's, do not rise, or are not whole records."""
    for event in events:
        if event.partition != partition:
            raise ValueError(f"{event} is not of {partition}: nothing was applied")
    for earlier, later in itertools.pairwise(events):
        if not _place(earlier) < _place(later):
            raise ValueError(f"{later} comes behind {earlier}: sort by offset; nothing was applied")
    part, offset = 0, None
    for event in events:
        part = part + 1 if event.offset == offset else 0
        if event.part != part:
            raise ValueError(
                f"{event} comes without part {part} of its record: nothing was applied"
            )
        offset = event.offset
