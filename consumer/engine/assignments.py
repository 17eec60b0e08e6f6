"""Which partitions this worker may apply, and how far each has come."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress

import msgspec

from consumer.engine.claiming import Claiming
from consumer.engine.holding import Holding
from consumer.engine.retrying import Backoff
from consumer.engine.transacting import Transacting
from consumer.errors import ConsumerError, Fenced, OffsetLost, Transient
from consumer.model.causes import told
from consumer.model.condition import Condition
from consumer.model.facts import Began, Claimed, Halted, Lost, Revoked, Unclaimed, Unmirrored
from consumer.model.position import Claim, LogIdentity, Offset, Partition
from consumer.model.start import BEGINNING, Start
from consumer.ports.observer import Observer
from consumer.ports.offset_store import OffsetStore

#: Seconds between two tries to leave word of what halted.
_NOTE_AGAIN = 5.0
#: Seconds for which a commit, or an answer, proves that a claim holds, and between two looks for others.
_CONFIRMED_FOR = 5.0
_CONFIRM_EVERY = 1.0


class Assignments:
    """The engine's side of a membership: nothing is applied from a partition without a claim."""

    def __init__(
        self,
        projection: str,
        offsets: OffsetStore,
        *,
        transacting: Transacting | None = None,
        owner: str,
        start: Start,
        backoff: Backoff,
        observer: Observer,
    ) -> None:
        self._projection = projection
        self._offsets = offsets
        self._claiming = Claiming(projection, offsets, transacting)
        self._owner = owner
        self._start = start
        self._backoff = backoff
        self._observer = observer
        self._holdings: dict[Partition, Holding] = {}
        #: Partitions that stand still until a person acts, each with the reason.
        self.halted: dict[Partition, Exception] = {}
        #: Partitions that could not be claimed: attempts so far, and when to ask again.
        self._unclaimed: dict[Partition, tuple[int, float]] = {}
        #: Halted partitions of which the offset store could not be told yet.
        self._unnoted: set[Partition] = set()
        #: While it is out of reach: when it is asked again (monotonic).
        self._note_not_before = 0.0
        #: When claims may be asked for again (monotonic).
        self._confirm_not_before = 0.0

    def claim(
        self, partition: Partition, log: LogIdentity, first: Callable[[Start], Offset]
    ) -> Claim | None:
        """As `Membership.claim`."""
        attempts, due = self._unclaimed.get(partition, (0, 0.0))
        if partition in self.halted or time.monotonic() < due:
            return None
        try:
            claim = self._claim(partition, log, first)
        except OffsetLost as cause:
            self.halt(partition, cause)
            return None
        except (Transient, Fenced) as cause:
            delay = self._backoff.delay(attempts + 1)
            self._unclaimed[partition] = (attempts + 1, time.monotonic() + delay)
            self._observer.happened(Unclaimed(partition, delay, cause))
            return None
        self._unclaimed.pop(partition, None)
        return claim

    def revoked(self, partitions: Collection[Partition]) -> None:
        """As `Membership.revoked`: the running apply is over (it is on this thread); the rest goes."""
        reachable = True
        for partition in partitions:
            stood = partition in self.halted or partition in self._unclaimed
            holding = self._forget(partition)
            if holding is not None:
                reachable = reachable and self._release(holding)
                self._observer.happened(Revoked(partition, holding.claim.epoch, holding.offset))
            elif stood:
                self._observer.happened(Revoked(partition, None, None))

    def lost(self, partitions: Collection[Partition]) -> None:
        """As `Membership.lost`."""
        for partition in partitions:
            stood = partition in self.halted or partition in self._unclaimed
            holding = self._forget(partition)
            if holding is not None:
                self._observer.happened(Lost(partition, holding.claim.epoch, holding.offset))
            elif stood:
                self._observer.happened(Lost(partition, None, None))

    def halt(self, partition: Partition, cause: Exception) -> None:
        """As `Membership.halt`; other partitions go on."""
        self.halted[partition] = cause
        holding = self._holdings.get(partition)
        epoch, offset = (holding.claim.epoch, holding.offset) if holding else (None, None)
        self._observer.happened(Halted(partition, epoch, offset, cause))
        self._note_halt(partition)

    def unmirrored(self, cause: Exception) -> None:
        """As `Membership.unmirrored`."""
        self._observer.happened(Unmirrored(cause))

    def note(self, holding: Holding, condition: Condition) -> bool:
        """Leaves word in the offset store; whether it took it. It is word alone: while the store is out of
        reach it is asked once in a while only, however many partitions have something to say.
        """
        if time.monotonic() < self._note_not_before:
            return False
        try:
            self._offsets.note(holding.claim, condition)
        except ConsumerError:
            self._note_not_before = time.monotonic() + _NOTE_AGAIN
            return False
        return True

    def note_again(self) -> None:
        """Leaves word of halts that could not be told before, if it is time."""
        for partition in list(self._unnoted):
            self._note_halt(partition)

    def confirm(self) -> None:
        """Asks for claims that no commit has put to the test for a while; raises `Fenced` where one holds no more:
        an idle worker would otherwise not hear that its offsets were moved by hand.
        """
        now = time.monotonic()
        if now < self._confirm_not_before:
            return
        self._confirm_not_before = now + _CONFIRM_EVERY
        with suppress(Transient):  # one time-out is enough, and the next look comes soon
            for holding in list(self._holdings.values()):
                if now - holding.confirmed_at > _CONFIRMED_FOR:
                    holding.confirm()

    def checkpoints(self) -> Mapping[Partition, Offset]:
        """How far each partition has come that is held; may be called from any thread."""
        return {partition: holding.offset for partition, holding in list(self._holdings.items())}

    def holding(self, claim: Claim) -> Holding | None:
        """What is held under this claim; None once it was given back, lost, or claimed anew."""
        holding = self._holdings.get(claim.partition)
        return holding if holding and holding.claim.token == claim.token else None

    def _claim(
        self, partition: Partition, log: LogIdentity, first: Callable[[Start], Offset]
    ) -> Claim:
        start = self._start

        def begin() -> Offset:
            nonlocal start
            if self._is_added(partition):
                start = BEGINNING
            return first(start)

        taken = self._claiming.claim(partition, owner=self._owner, log=log, first=begin)
        holding = taken.holding
        self._holdings[partition] = holding
        if taken.began:
            self._observer.happened(Began(partition, holding.offset, start))
        claim = msgspec.structs.replace(holding.claim, offset=holding.offset)
        self._observer.happened(Claimed(partition, claim.epoch, holding.offset))
        return claim

    def _is_added(self, partition: Partition) -> bool:
        """Whether the topic grew by this partition after the projection first ran on it.

        Such a partition is read from its beginning whatever `start` says: `end` would lose events.
        """
        eldest = self._claiming.log_of(Partition(partition.topic, 0))
        return eldest is not None and partition.number >= eldest.partitions

    def _note_halt(self, partition: Partition) -> None:
        holding, cause = self._holdings.get(partition), self.halted.get(partition)
        self._unnoted.discard(partition)
        if holding and cause and not self.note(holding, Condition("halted", told(cause))):
            self._unnoted.add(partition)

    def _forget(self, partition: Partition) -> Holding | None:
        self.halted.pop(partition, None)
        self._unnoted.discard(partition)
        self._unclaimed.pop(partition, None)
        return self._holdings.pop(partition, None)

    def _release(self, holding: Holding) -> bool:
        """Whether the store could be told; where it could not, the next claim says the same."""
        try:
            self._offsets.release(holding.claim)
        except ConsumerError:
            return False
        return True
