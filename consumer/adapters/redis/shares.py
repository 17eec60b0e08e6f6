"""Who should own which stream: arithmetic alone, on what a worker saw and when it saw it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from zlib import crc32

import msgspec


class Table(msgspec.Struct, frozen=True):
    """What all workers of a projection see of one topic."""

    #: The workers, each with a number that grows while it lives.
    members: Mapping[str, int]
    #: The owner of each stream that has one.
    leases: Mapping[int, str]

    def without(self, workers: Collection[str]) -> Table:
        """The table once these workers and their leases are gone from it."""
        return Table(
            {name: number for name, number in self.members.items() if name not in workers},
            {stream: owner for stream, owner in self.leases.items() if owner not in workers},
        )

    def owned_by(self, worker: str) -> list[int]:
        """The streams of a worker, in order."""
        return sorted(stream for stream, owner in self.leases.items() if owner == worker)


class Sightings:
    """When each worker was last seen to live, on the clock of the one who looks.

    No two machines compare their clocks: whoever did not move for one lease, here, is dead. While
    nobody looked nobody was seen, so a pause between two looks that is long for a lease starts anew.
    """

    def __init__(self, lease_seconds: float) -> None:
        self._lease_seconds = lease_seconds
        self._looked = float("-inf")
        self._seen: dict[str, tuple[int, float]] = {}

    def saw(self, table: Table, now: float) -> None:
        """Notes what is in the table, as of `now`."""
        seen = self._seen if now - self._looked < self._lease_seconds / 2 else {}
        self._looked = now
        self._seen = {
            worker: seen[worker] if seen.get(worker, (None,))[0] == number else (number, now)
            for worker, number in table.members.items()
        }

    def dead(self) -> dict[str, int]:
        """The workers that stood still for one lease, each with the number at which it stands."""
        return {
            worker: number
            for worker, (number, since) in self._seen.items()
            if self._looked - since >= self._lease_seconds
        }


def share(worker: str, topic: str, table: Table, streams: int) -> int:
    """How many streams the worker should own; over all members of the table it comes to `streams`.

    Shares differ by one at most. The larger ones go to those who own more already, so that little
    moves; among equals a digest decides, so that not one worker gets them in every topic.
    """
    least, larger = divmod(streams, len(table.members))

    def rank(name: str) -> tuple[int, int, str]:
        return -len(table.owned_by(name)), crc32(f"{topic}:{name}".encode()), name

    return least + (sorted(table.members, key=rank).index(worker) < larger)


def surplus(worker: str, table: Table, fair: int) -> Sequence[int]:
    """The streams that the worker owns beyond its share; it gives the highest numbers away."""
    return table.owned_by(worker)[fair:]


def free(table: Table, streams: int) -> Sequence[int]:
    """The streams without an owner among the members."""
    return [stream for stream in range(streams) if table.leases.get(stream) not in table.members]
