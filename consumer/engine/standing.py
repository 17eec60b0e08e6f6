"""How a projection stands in each of its partitions, whether a worker lives or not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Literal

import msgspec

from consumer.errors import ConsumerError, Misconfigured
from consumer.model.custody import another_log
from consumer.model.lag import Lag
from consumer.model.position import Checkpoint, IntOffset, LogIdentity, Offset, Partition
from consumer.ports.event_log import EventLog
from consumer.ports.offset_store import OffsetStore
from consumer.ports.presence import Presence

State = Literal[
    "running",  # its owner lives, and nothing stands in its way
    "waiting",  # a batch failed, and is tried again
    "halted",  # it stands at its checkpoint and needs a person
    "unowned",  # nobody holds it
    "owner-gone",  # who holds it gave no sign of life for a lease
    "never-ran",  # it has no checkpoint
    "another-log",  # its checkpoint was made on a log that is not this one
    "unreadable",  # its checkpoint is damaged, or of a newer release
]


class Standing(msgspec.Struct, frozen=True):
    """A projection in one partition."""

    partition: Partition
    state: State
    #: None where there is none that can be read.
    checkpoint: Checkpoint | None = None
    #: Whether the checkpoint's owner gave a sign of life lately.
    is_owner_present: bool = False
    #: None where the log does not tell, as is the lag.
    end: Offset | None = None
    lag: Lag | None = None
    #: What stands in the way; one line.
    reason: str = ""
    #: None where nobody wrote down when the state began.
    since: datetime | None = None


class Book(msgspec.Struct, frozen=True):
    """What the offset store holds of a projection."""

    projection: str
    checkpoints: Mapping[Partition, Checkpoint]
    unreadable: Mapping[Partition, Misconfigured]
    #: The owners among them that live.
    present: frozenset[str]

    def offsets(self, view: View) -> Mapping[Partition, Offset]:
        """How far each partition has come that was ever committed, and committed on this log."""
        return {
            partition: checkpoint.offset
            for partition, checkpoint in self.checkpoints.items()
            if checkpoint.offset is not None and view.is_of(checkpoint)
        }


class View(msgspec.Struct, frozen=True):
    """What a log tells of itself."""

    ends: Mapping[Partition, Offset]
    #: By topic.
    identities: Mapping[str, LogIdentity]

    def is_of(self, checkpoint: Checkpoint) -> bool:
        """Whether the checkpoint was made on this log, as far as is known."""
        here = self.identities.get(checkpoint.partition.topic)
        known = checkpoint.log.id
        return here is None or not known or not here.id or known == here.id


#: Of a log that could not be asked.
UNSEEN = View({}, {})


def booked(projection: str, offsets: OffsetStore, presence: Presence) -> Book:
    """What the offset store holds now. Raises `Transient`; a record that nobody can read does not."""
    checkpoints: dict[Partition, Checkpoint] = {}
    unreadable: dict[Partition, Misconfigured] = {}
    for partition in offsets.partitions(projection):
        try:
            checkpoint = offsets.get(projection, partition)
        except Misconfigured as cause:
            unreadable[partition] = cause
        else:
            if checkpoint is not None:  # it was reset meanwhile
                checkpoints[partition] = checkpoint
    owners = {each.owner for each in checkpoints.values()} - {""}
    return Book(projection, checkpoints, unreadable, presence.present(owners))


def viewed(log: EventLog) -> View:
    """What the log tells now. Raises as `EventLog` does; asks for each topic once."""
    ends = log.ends()
    one_each = {partition.topic: partition for partition in ends}
    return View(ends, {topic: log.identity(each) for topic, each in one_each.items()})


class Report(msgspec.Struct, frozen=True):
    """How a projection stands."""

    projection: str
    #: In order.
    partitions: tuple[Standing, ...]
    #: Why the log tells nothing; None where it does.
    trouble: ConsumerError | None = None

    @staticmethod
    def of(
        book: Book,
        view: View,
        lags: Mapping[Partition, Lag],
        trouble: ConsumerError | None = None,
    ) -> Report:
        """What the two tell together, with the lags behind `Book.offsets`."""
        return Report(book.projection, tuple(_standings(book, view, lags)), trouble)


def _standings(book: Book, view: View, lags: Mapping[Partition, Lag]) -> Iterator[Standing]:
    for partition in sorted({*book.checkpoints, *book.unreadable, *view.ends}):
        end = view.ends.get(partition)
        checkpoint = book.checkpoints.get(partition)
        if checkpoint is None:
            cause = book.unreadable.get(partition)
            state: State = "unreadable" if cause else "never-ran"
            yield Standing(partition, state, end=end, reason=str(cause or ""))
            continue
        is_here = view.is_of(checkpoint)
        is_present = checkpoint.owner in book.present
        state = _state(checkpoint, is_here, is_present)
        yield Standing(
            partition,
            state,
            checkpoint,
            is_owner_present=is_present,
            end=_end(checkpoint, end, lags.get(partition)),
            lag=lags.get(partition),
            reason=checkpoint.condition.reason if is_here else _of_another_log(checkpoint, view),
            # The record tells since when its owner runs, not since when it is gone.
            since=None if state in {"owner-gone", "another-log"} else checkpoint.condition.since,
        )


def _end(checkpoint: Checkpoint, end: Offset | None, lag: Lag | None) -> Offset | None:
    """Where the broker's own tools say that the log ends: behind an open transaction too, which the lag
    counts, and which nobody can read yet.
    """
    if lag is None or not isinstance(checkpoint.offset, IntOffset):
        return end
    return IntOffset(checkpoint.offset.value + lag.events)


def _state(checkpoint: Checkpoint, is_here: bool, is_present: bool) -> State:
    if not is_here:
        return "another-log"
    if checkpoint.condition.state == "halted":
        return "halted"  # whoever comes next halts too, so that is what there is to know
    if not checkpoint.owner:
        return "unowned"
    return checkpoint.condition.state if is_present else "owner-gone"


def _of_another_log(checkpoint: Checkpoint, view: View) -> str:
    partition = checkpoint.partition
    here = view.identities[partition.topic]
    return str(another_log(checkpoint.projection, partition, checkpoint.log, here))
