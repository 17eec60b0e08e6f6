"""Every error of the engine, drawn as a tree: the branch says what to do about it.

ConsumerError
├── Misconfigured          stop before the first poll; a person must change the settings
│   └── NewerRecord        a newer release wrote this checkpoint; deploy that release here too
├── Transient              wait and try the same again, keeping the partition
│   └── Conflict           another writer came in between: run the transaction again
├── SourceFailed           the client cannot go on: close it, wait, open it again
├── Fenced                 let the partition go; another worker owns it
├── OffsetLost             the log does not hold what we need: halt the partition with the reason
│   └── AnotherLog         the checkpoint belongs to another log of the same name
├── Poison                 this event is the problem: the partition halts before it, or skips it
│   ├── Undecodable
│   ├── NoUpcaster
│   ├── SequenceGap        events of its aggregate are missing before this one; never skipped
│   └── ApplyFailed
├── TimedOut               an apply took longer than it may; how far it came nobody knows
├── Cancelled              the calling program cancelled its own call
└── Closed                 the calling program used something after closing it

ValueError
└── RowRefused             a row is not what its table takes: the projector's mistake, as is whatever else it raises
"""

from __future__ import annotations

from typing import Any


class ConsumerError(Exception):
    """The root of every error that this package raises on purpose."""

    #: How many events a `Runner` had applied and committed in the call that this error ended.
    applied: int = 0


class Misconfigured(ConsumerError):
    """The settings, or what they point at, cannot work; a person must change them."""


class NewerRecord(Misconfigured):
    """A newer release wrote this checkpoint; this release does not overwrite what it cannot read."""


class Transient(ConsumerError):
    """Something is out of reach for now; the same call is worth making again.

    A projector raises it when its store is down, a codec when what it must ask is; its text goes into the log and into the checkpoint's record,
    so it must quote no event. Anything else that a projector raises is the fault of the event or of the
    projector.
    """


class Conflict(Transient):
    """Another writer changed what a transaction of the read model had loaded; nothing of it was written."""


class SourceFailed(ConsumerError):
    """The broker's client is beyond repair; it must be closed and opened again."""


class Fenced(ConsumerError):
    """Another worker claimed the partition since; nothing of ours is accepted any more."""


class OffsetLost(ConsumerError):
    """The log, or the offset store, no longer holds what the projection needs to go on."""


class AnotherLog(OffsetLost):
    """The checkpoint was made on another log: the topic was made anew, or the cluster was swapped."""


class Poison(ConsumerError):
    """One event is the problem; trying it again as it is will not help.

    `partition` and `offset` say which event; `why` says what is wrong with it.
    """

    def __init__(self, partition: Any, offset: Any, why: str) -> None:  # a Partition, an Offset
        super().__init__(partition, offset, why)
        self.partition = partition
        self.offset = offset
        self.why = why

    def __str__(self) -> str:
        return f"{self.partition} at offset {self.offset}: {self.why}"


class Undecodable(Poison):
    """The bytes of a record are not what its codec, or the projector's type, expects."""


class NoUpcaster(Poison):
    """The event has a schema version that no upcaster of this projection reaches or starts from."""


class SequenceGap(Poison):
    """Between the last event of the aggregate and this one others are missing, by their sequence."""


class ApplyFailed(Poison):
    """The projector raised something that is not `Transient`; the cause is chained."""


class TimedOut(ConsumerError):
    """An apply took longer than its limit. It may still be running, so whoever raised this applies no more."""


class Cancelled(ConsumerError):
    """The calling program cancelled the call; what was committed before stays committed."""


class Closed(ConsumerError):
    """Used after it was closed."""


class RowRefused(ValueError):
    """A read model cannot keep a row, or a key, as it was given; nothing of its transaction was written.

    The text names the table and the column, and quotes no value, so that logs may tell it.
    """
