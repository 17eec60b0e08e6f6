"""The partitions that the group gave us, and how far each was handed out: a value, no I/O."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import TypeAlias

import msgspec

from consumer.model.position import Claim, LogIdentity, Partition

#: Topic and number, as Kafka's client tells them with each record.
Address: TypeAlias = tuple[str, int]


#: Before a claim.
NO_LOG = LogIdentity("", 0)


class Held(msgspec.Struct, eq=False):
    """A partition that the group gave us. Nothing is read from it before it has a claim."""

    partition: Partition
    claim: Claim | None = None
    #: The log that it was when it was claimed; meaningless without a claim.
    log: LogIdentity = NO_LOG
    #: Everything up to here was handed out; meaningless without a claim.
    through: int = -1
    #: Everything up to here was taken from the client; between the two lies what is in hand.
    read: int = -1
    #: Whether the client reads it. Nothing flows before it has a claim.
    flows: bool = False
    #: When the broker said that our place is outside of the log (monotonic), or looked at last.
    doubted_at: float | None = None
    #: How often its place was found outside of the log.
    looks: int = 0
    #: Halted for good: the log does not hold what comes next.
    stuck: bool = False

    @property
    def address(self) -> Address:
        """Topic and number."""
        return self.partition.topic, self.partition.number

    @property
    def next(self) -> int:
        """The next offset to read: where Kafka's offsets and ours differ, here and only here."""
        return self.read + 1

    def goes_on_behind(self, offset: int) -> None:
        """What comes behind `offset` is read next, and handed out next."""
        self.through = self.read = offset


class Assignment:
    """All that we hold. A partition that comes back is held anew, so an old claim never lives on."""

    def __init__(self) -> None:
        self._held: dict[Address, Held] = {}

    def __iter__(self) -> Iterator[Held]:
        return iter(list(self._held.values()))

    def get(self, address: Address) -> Held | None:
        """What we hold at the address."""
        return self._held.get(address)

    def holds(self, held: Held) -> bool:
        """Whether it is still ours, and not something that left and came back."""
        return self._held.get(held.address) is held

    def arrived(self, addresses: Iterable[Address]) -> None:
        """The group gave these; they rest, and have no claim yet."""
        for topic, number in addresses:
            self._held[topic, number] = Held(Partition(topic, number))

    def left(self, addresses: Iterable[Address]) -> list[Partition]:
        """The group took these; returns those of them that we held."""
        gone = [self._held.pop(address, None) for address in addresses]
        return [held.partition for held in gone if held is not None]

    def everything_left(self) -> list[Partition]:
        """We leave; returns all that we held."""
        return self.left(list(self._held))

    def unclaimed(self) -> list[Held]:
        """Those without a claim."""
        return [held for held in self._held.values() if held.claim is None]

    def to_rest(self, wanted: Collection[Partition]) -> list[Held]:
        """Those that flow and should not; `wanted` are those that somebody wants to rest."""
        return [held for held in self._held.values() if held.flows and not _may_flow(held, wanted)]

    def to_flow(self, wanted: Collection[Partition]) -> list[Held]:
        """Those that rest and should not."""
        return [held for held in self._held.values() if not held.flows and _may_flow(held, wanted)]


def _may_flow(held: Held, wanted: Collection[Partition]) -> bool:
    is_able = held.claim is not None and not held.stuck and held.doubted_at is None
    return is_able and held.partition not in wanted
