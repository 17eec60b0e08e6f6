"""What is in hand of one partition, on its way to a checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from consumer.engine.decoding import Decoded
from consumer.engine.holding import Holding
from consumer.errors import Poison, Transient
from consumer.model.event import Batch, Event
from consumer.model.operations import ErrorType
from consumer.model.position import Offset
from consumer.model.record import Record


class Work:
    """Events in hand, settled by as many attempts as it takes: decoded, applied once, then committed."""

    def __init__(
        self,
        holding: Holding,
        events: Sequence[Event],
        *,
        read: Sequence[Record] | Sequence[Event],
        through: Offset,
        poison: Poison | None = None,
    ) -> None:
        self.holding = holding
        self.events = events
        #: All that this settles: what the projector is not given, too.
        self._read: Sequence[Record | Event] = read
        #: Where the checkpoint is once this is settled.
        self.through = through
        #: What stands behind the last event, and stops the partition there.
        self.poison = poison
        #: Those of the records that are not decoded yet.
        self._undecoded: Sequence[Record] = ()
        #: What lies behind the events, and why it could not be decoded yet.
        self.rest: tuple[Work, Transient] | None = None
        #: Whether only the commit is missing; an apply that went through is not repeated for it.
        self.applied = False
        #: How many events the projector was given, where that is not all of them.
        self.given: int | None = None
        #: Attempts that failed.
        self.failures = 0
        #: What the attempt is at, and so what it is counted as when it fails.
        self.at = ErrorType.LOAD
        #: What the last apply, and the last commit, took.
        self.apply_seconds = 0.0
        self.commit_seconds = 0.0

    @classmethod
    def undecoded(cls, holding: Holding, records: Sequence[Record], *, through: Offset) -> Work:
        """Records in hand; `decode` makes events of them."""
        work = cls(holding, (), read=records, through=through)
        work._undecoded = records
        return work

    def decode(self, decode: Callable[[Sequence[Record]], Decoded]) -> None:
        """Takes the events of what is not decoded yet; an outage behind the first of them leaves a `rest`.

        Raises the `Transient` of an outage before it: nothing is decoded then.
        """
        if not self._undecoded:
            return
        decoded, records = decode(self._undecoded), self._undecoded
        if decoded.outage is not None and not decoded.records:
            raise decoded.outage
        self.events, self.poison, self._undecoded = decoded.events, decoded.poison, ()
        if decoded.outage is not None:
            left = Work.undecoded(self.holding, records[decoded.records :], through=self.through)
            self.rest = (left, decoded.outage)
        if decoded.records < len(records):
            self._read = records[: decoded.records]
            self.through = self._read[-1].offset if self._read else self.holding.offset

    @property
    def records(self) -> int:
        """How many records this settles."""
        return len(self._read)

    @property
    def counted(self) -> int:
        """How many events were applied."""
        return len(self.events) if self.given is None else self.given

    @property
    def batch(self) -> Batch:
        """The events as the projector is given them, under the fence."""
        return Batch(self.holding.partition, self.events, self.holding.fence(self.through))

    def holds(self, poison: Poison) -> bool:
        """Whether the poison is one of these events."""
        return any(event.offset == poison.offset for event in self.events)

    def without(self, poison: Poison) -> None:
        """Takes the poison event out; the others go on."""
        self.events = [event for event in self.events if event.offset != poison.offset]

    def stop_before(self, poison: Poison) -> None:
        """Keeps only the events before the poison, and the poison as the reason to stop."""
        self.events = [event for event in self.events if event.offset < poison.offset]
        self._read = [each for each in self._read if each.offset < poison.offset]
        self.through = self._read[-1].offset if self._read else self.holding.offset
        self.poison = poison
