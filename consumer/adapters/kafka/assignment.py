"""The partitions that the group gave us, and how far each was handed out: a value, no I/O."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import TypeAlias

import msgspec

from consumer.model.position import Claim, Partition

#: Topic and number, as Kafka's client tells them with each record.
Address: TypeAlias = tuple[str, int]


class Held(msgspec.Struct, eq=False):
    """A partition that the group gave us. Nothing is read from it before it has a claim."""

    partition: Partition
    claim: Claim | None = None
    #: Everything up to here was handed out; meaningless without a claim.
    through: int = -1
    #: As the client has it. Every partition arrives paused.
    paused: bool = True
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
        return self.through + 1


class Assignment:
    """All that we hold. A partition that comes back is held anew, so that an old claim never lives on."""

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
        """The group gave these; they are paused and have no claim yet."""
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

    def to_pause(self, wanted: Collection[Partition]) -> list[Held]:
        """Those that flow and should not."""
        return [
            held for held in self._held.values() if not held.paused and _must_rest(held, wanted)
        ]

    def to_resume(self, wanted: Collection[Partition]) -> list[Held]:
        """Those that rest and should flow."""
        return [
            held for held in self._held.values() if held.paused and not _must_rest(held, wanted)
        ]


def _must_rest(held: Held, wanted: Collection[Partition]) -> bool:
    at_rest = held.claim is None or held.stuck or held.doubted_at is not None
    return at_rest or held.partition in wanted
