"""Which streams of all its topics a worker owns; who reads them is told what comes and goes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from time import monotonic
from uuid import uuid4

from consumer.adapters.redis.lease_table import LeaseTable
from consumer.adapters.redis.leases import Heartbeat, Leases, Turn
from consumer.errors import ConsumerError
from consumer.model.position import Partition
from consumer.ports.source import Membership

_LOGGER = logging.getLogger(__name__)

#: Seconds between two looks at the lease tables, at most: so soon a leaving worker's streams move.
_LONGEST_UNSEEN = 0.5


class Ownership:
    """One membership in the fleet, from joining to leaving; a heartbeat keeps what it owns.

    All calls come on the thread that polls, so nothing is given back while an apply runs.
    """

    def __init__(
        self,
        tables: Sequence[LeaseTable],
        *,
        streams: int,
        owner: str,
        lease_seconds: float,
        membership: Membership,
        giving_back: Callable[[Collection[Partition]], None],
        gone: Callable[[Collection[Partition]], None],
    ) -> None:
        # A worker that comes back is not who it was: its former leases are not its own.
        worker = f"{owner}/{uuid4().hex[:12]}"
        self._leases = {
            table.topic: Leases(table, streams=streams, worker=worker, lease_seconds=lease_seconds)
            for table in tables
        }
        self._lease_seconds = lease_seconds
        #: Topics whose wait for others was told.
        self._told: set[str] = set()
        self._between_looks = min(_LONGEST_UNSEEN, lease_seconds / 6)
        self._membership = membership
        #: Called while what is given back is still ours.
        self._giving_back = giving_back
        #: Called before the membership is told that partitions are no longer ours.
        self._gone = gone
        #: When the tables are to be looked at again, on the monotonic clock.
        self.next_look = 0.0
        self._heartbeat = Heartbeat(list(self._leases.values()), lease_seconds / 3)
        self._heartbeat.start()

    def owned(self) -> list[Partition]:
        """The partitions whose leases have not run out."""
        return [
            Partition(topic, stream)
            for topic, leases in self._leases.items()
            for stream in leases.owned()
        ]

    def owns(self, partition: Partition) -> bool:
        """Whether an apply of the partition may start now."""
        leases = self._leases.get(partition.topic)
        return leases is not None and leases.owns(partition.number)

    def is_member(self) -> bool:
        """Whether the tables of all topics have us, as far as was heard within a lease."""
        return all(leases.is_member() for leases in self._leases.values())

    def look_after(self) -> bool:
        """Does what is due: loses what ran out, gives back a surplus, takes a share; whether it looked.

        May raise `Transient`; what is left to do is done next time.
        """
        self.lose_what_ran_out()
        if monotonic() < self.next_look:
            return False
        self.next_look = monotonic() + self._between_looks
        for topic, leases in self._leases.items():
            turn = leases.look()
            self._lose(_partitions(topic, turn.lost))
            if turn.surplus:
                self._give_back(_partitions(topic, turn.surplus))
                leases.release(turn.surplus)
            leases.take(turn)
            self._tell_who_waits(topic, turn)
        return True

    def lose_what_ran_out(self) -> None:
        """Lets go of leases past their deadline; asks nobody."""
        for topic, leases in self._leases.items():
            self._lose(_partitions(topic, leases.expired()))

    def leave(self) -> None:
        """Gives everything back, at once for the others; where Redis is away they wait for one lease."""
        self._heartbeat.stop()
        self.lose_what_ran_out()
        self._give_back(self.owned())
        with suppress(ConsumerError):  # once is enough: each try has its time-out
            for leases in self._leases.values():
                leases.leave()

    def _tell_who_waits(self, topic: str, turn: Turn) -> None:
        """Once: a worker that was killed and comes back waits for itself, and would look as if it hung."""
        if turn.wanted > len(turn.free) and topic not in self._told:
            self._told.add(topic)
            _LOGGER.info(
                "waiting for %s, which other workers have: up to %g s for those of the dead",
                self._leases[topic].name,
                self._lease_seconds,
            )

    def _lose(self, partitions: Collection[Partition]) -> None:
        if partitions:
            self._gone(partitions)
            self._membership.lost(partitions)

    def _give_back(self, partitions: Collection[Partition]) -> None:
        if partitions:
            self._giving_back(partitions)
            self._gone(partitions)
            self._membership.revoked(partitions)


def _partitions(topic: str, streams: Collection[int]) -> list[Partition]:
    return [Partition(topic, stream) for stream in streams]
