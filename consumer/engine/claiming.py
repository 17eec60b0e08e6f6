"""Taking a partition: who may write is settled in the offset store, and in the read model where there is one."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from consumer.engine.holding import Holding
from consumer.engine.transacting import Transacting
from consumer.errors import OffsetLost
from consumer.model.causes import told
from consumer.model.condition import Condition
from consumer.model.position import Checkpoint, Claim, LogIdentity, Offset, Partition
from consumer.model.seal import Seal, reconciled
from consumer.ports.offset_store import OffsetStore


class Taken(msgspec.Struct, frozen=True):
    """A partition that was claimed."""

    holding: Holding
    #: Whether the projection never ran on it before.
    began: bool


class Claiming:
    """Claims partitions of a projection; its methods raise as the two stores do."""

    def __init__(
        self, projection: str, offsets: OffsetStore, transacting: Transacting | None = None
    ) -> None:
        self._projection = projection
        self._offsets = offsets
        self._transacting = transacting

    def claim(
        self, partition: Partition, *, owner: str, log: LogIdentity, first: Callable[[], Offset]
    ) -> Taken:
        """Takes the partition. Where the projection never ran on it, it begins at the `first` offset, which is
        committed before anything is read, so that a start is decided once.
        """
        if self._transacting is not None:
            self._transacting.setup()
            return self._sealed(self._transacting, partition, owner, log, first)
        claim = self._offsets.claim(self._projection, partition, owner=owner, log=log)
        offset = claim.offset
        if offset is None:
            offset = first()
            self._offsets.commit(claim, None, offset)
        return Taken(Holding(claim, offset, self._offsets), began=claim.offset is None)

    def log_of(self, partition: Partition) -> LogIdentity | None:
        """The log that the projection ran on, as either store recorded it; None where it never ran."""
        checkpoint = self._offsets.get(self._projection, partition)
        if checkpoint is not None:
            return checkpoint.log
        if self._transacting is None:
            return None
        seal = self._transacting.read_model.sealed(self._projection, partition)
        return None if seal is None else seal.log

    def _sealed(
        self,
        transacting: Transacting,
        partition: Partition,
        owner: str,
        log: LogIdentity,
        first: Callable[[], Offset],
    ) -> Taken:
        """The read model's epoch is the floor of ours, and its offset is the truth: the offset store follows it."""
        read_model = transacting.read_model
        before = read_model.sealed(self._projection, partition)
        if before is not None:
            log = reconciled(self._projection, partition, before.log, log)
        known = self._offsets.get(self._projection, partition)
        claim = self._offsets.claim(
            self._projection,
            partition,
            owner=owner,
            log=log,
            floor=None if before is None else before.epoch,
        )
        stands = claim.offset
        is_ahead = before is not None and _is_ahead(before, known)
        place = before.offset if before is not None and is_ahead else None
        if place is not None and place != stands:
            # Before it is sealed: whoever comes after us, if we die there, finds that the two agree.
            self._offsets.commit(claim, stands, place)
            stands = place
        seal = read_model.seal(claim, log)
        offset = seal.offset
        if not is_ahead and (lost := _loss(claim, seal)):
            # Under the claim that we do not keep: else nothing would tell why the partition stands.
            self._offsets.note(claim, Condition("halted", told(lost)))
            raise lost
        if offset is None:
            offset = first()
            read_model.begin(claim, offset)
        if offset != stands:
            self._offsets.commit(claim, stands, offset)
        holding = Holding(claim, offset, self._offsets, is_sealed=True)
        return Taken(holding, began=seal.offset is None)


def _is_ahead(seal: Seal, known: Checkpoint | None) -> bool:
    """Whether the offset store went back in time, or a reset is half done: nobody has claimed since, or a reset
    only, that was given up.
    """
    return not seal.token or known is None or known.epoch < seal.epoch


def _loss(claim: Claim, seal: Seal) -> OffsetLost | None:
    """The read model's offset is never behind that of the offset store, unless it lost what it had."""
    if claim.offset is None or (seal.offset is not None and claim.offset <= seal.offset):
        return None
    stands = "has no offset" if seal.offset is None else f"stands at {seal.offset}"
    return OffsetLost(
        f"the read model of {claim.projection} {stands} in {claim.partition}, and the offset store is at "
        f"{claim.offset}: the read model was emptied, or put back from a copy, or is another one than the "
        "projection used to have. Bring its data back, or reset the projection's offsets to rebuild it"
    )
