"""Places in a log: partitions, offsets, and who may write from where."""

from __future__ import annotations

import msgspec

from consumer.model.condition import Condition


class Offset(msgspec.Struct, frozen=True, order=True, gc=False):
    """The place of the last applied event in a partition.

    Offsets of one kind are totally ordered; comparing two kinds raises `TypeError`. `str` prints
    an offset, `Offset.parse` reads it back.
    """

    @property
    def zero(self) -> Offset:
        """The place before a partition's first event, among offsets of this kind."""
        raise TypeError("an Offset is either an IntOffset or a StreamOffset")

    @property
    def previous(self) -> Offset:
        """The place right before this one; behind it, this one is the next that can be."""
        raise TypeError("an Offset is either an IntOffset or a StreamOffset")

    @property
    def next(self) -> Offset:
        """The place right behind this one, whose `previous` this one is."""
        raise TypeError("an Offset is either an IntOffset or a StreamOffset")

    @property
    def shown(self) -> Offset:
        """What the broker's own tools call this place: Kafka's tell what is read next, Redis' the last
        entry. For output alone; `--to-offset` takes the first event to be read, whose `previous` is ours.
        """
        raise TypeError("an Offset is either an IntOffset or a StreamOffset")

    @property
    def is_zero(self) -> bool:
        """Whether this is the place before a partition's first event."""
        return self == self.zero

    @staticmethod
    def parse(text: str) -> Offset:
        """The offset that `str` printed as `text`; `ValueError` if it is none."""
        head, dash, tail = text.partition("-")
        if dash and head:
            return StreamOffset(_natural(head), _natural(tail))
        return IntOffset(-1 if text == "-1" else _natural(text))


class IntOffset(Offset, frozen=True, order=True, gc=False):
    """An offset that counts, as Kafka's do; -1 is the place before the first event."""

    value: int

    @property
    def zero(self) -> IntOffset:
        """-1."""
        return IntOffset(-1)

    @property
    def previous(self) -> IntOffset:
        """One less."""
        return IntOffset(self.value - 1)

    @property
    def next(self) -> IntOffset:
        """One more."""
        return IntOffset(self.value + 1)

    @property
    def shown(self) -> IntOffset:
        """The next one: a group of Kafka stands where it reads on."""
        return self.next

    def __str__(self) -> str:
        return str(self.value)


#: The highest sequence that Redis gives within a millisecond: an unsigned 64-bit number's.
_LAST_SEQUENCE = 2**64 - 1


class StreamOffset(Offset, frozen=True, order=True, gc=False):
    """The id of an entry of a Redis stream, as in 1526919030474-55; 0-0 is before the first."""

    milliseconds: int
    sequence: int

    @property
    def zero(self) -> StreamOffset:
        """0-0."""
        return StreamOffset(0, 0)

    @property
    def previous(self) -> StreamOffset:
        """One less in sequence, or the last of the millisecond before; 0-0 has none before it."""
        if self.sequence:
            return StreamOffset(self.milliseconds, self.sequence - 1)
        if self.milliseconds:
            return StreamOffset(self.milliseconds - 1, _LAST_SEQUENCE)
        return self

    @property
    def next(self) -> StreamOffset:
        """One more in sequence, or the first of the next millisecond."""
        if self.sequence < _LAST_SEQUENCE:
            return StreamOffset(self.milliseconds, self.sequence + 1)
        return StreamOffset(self.milliseconds + 1, 0)

    @property
    def shown(self) -> StreamOffset:
        """The same: a group of Redis stands at the last entry that it was given."""
        return self

    def __str__(self) -> str:
        return f"{self.milliseconds}-{self.sequence}"


class Partition(msgspec.Struct, frozen=True, order=True, gc=False):
    """One ordered log: a Kafka topic-partition, or one Redis stream."""

    topic: str
    number: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.number}"

    @staticmethod
    def parse(text: str) -> Partition:
        """The partition that `str` printed as `text`; `ValueError` if it is none."""
        topic, slash, number = text.rpartition("/")
        if not (slash and topic):
            raise ValueError(f"{text!r} is not a partition: write it as in orders/3")
        return Partition(topic, _natural(number))


class LogIdentity(msgspec.Struct, frozen=True, gc=False):
    """Which log an offset belongs to: two logs may bear one topic's name, one after the other."""

    #: Unique to the log, as in "cluster/topic id"; "" where the broker tells none, and then
    #: it is not compared.
    id: str
    #: How many partitions the topic has; in a checkpoint, how many it had at the first claim.
    partitions: int


class Checkpoint(msgspec.Struct, frozen=True, gc=False):
    """How far a projection has come in a partition."""

    projection: str
    partition: Partition
    #: The last applied event's; None once claimed and not yet committed.
    offset: Offset | None
    #: The fencing token of the partition; only grows.
    epoch: int
    log: LogIdentity
    #: Who claimed it last; "" once it was given back.
    owner: str
    condition: Condition


class Claim(msgspec.Struct, frozen=True, gc=False):
    """The right to apply a partition's events, until somebody claims it after us."""

    projection: str
    partition: Partition
    epoch: int
    #: Fresh for each claim: an epoch may recur when an offset store lost its data, a token never.
    token: str
    #: The checkpoint at the time of the claim; None if the projection never ran.
    offset: Offset | None


class Fence(msgspec.Struct, frozen=True, gc=False):
    """What a store must check before it accepts a batch, and what it must record with it."""

    projection: str
    partition: Partition
    epoch: int
    #: The checkpoint on which the batch builds.
    expected: Offset
    #: The checkpoint once the batch is applied.
    offset: Offset


def _natural(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{text!r} is not a whole number, so this is no place in a log")
    return int(text)
