"""What a read model records of a projection in a partition, beside its rows, and the rules by which it changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from consumer.errors import Fenced
from consumer.model.custody import another_log
from consumer.model.position import Claim, Fence, LogIdentity, Offset, Partition


class Seal(msgspec.Struct, frozen=True, gc=False):
    """Under which claim the rows may be written, and up to which offset they hold.

    A pure value: each rule answers with the next one, or refuses and leaves this one as it is.
    """

    epoch: int
    #: The claim's, so that its own retries are known.
    token: str
    log: LogIdentity
    #: None until the first is recorded.
    offset: Offset | None = None

    def renewed(self, claim: Claim, log: LogIdentity) -> Seal:
        """Under a new claim; `Fenced` where a later one came before, `AnotherLog` where the rows are of another log."""
        if (claim.epoch, claim.token) == (self.epoch, self.token):
            return self  # the reply was lost, and we are asked again
        if claim.epoch <= self.epoch:
            raise behind(claim, self.epoch)
        return Seal(
            claim.epoch,
            claim.token,
            reconciled(claim.projection, claim.partition, self.log, log),
            self.offset,
        )

    def begun(self, claim: Claim, offset: Offset) -> Seal:
        """At its first offset; the same again is the same. `Fenced` where the claim holds no more."""
        if (claim.epoch, claim.token) != (self.epoch, self.token) or self.offset not in {
            None,
            offset,
        }:
            raise behind(claim, self.epoch)
        return msgspec.structs.replace(self, offset=offset)

    def repeats(self, fence: Fence) -> bool:
        """Whether the write of this fence has happened: its reply was lost. `Fenced` where it must not happen."""
        if self.epoch != fence.epoch or self.offset not in {fence.expected, fence.offset}:
            raise refused(fence)
        return self.offset == fence.offset

    def moved(self, fence: Fence) -> Seal:
        """At the fence's offset."""
        return msgspec.structs.replace(self, offset=fence.offset)


def are_repeated(fences: Sequence[Fence], sealed: Callable[[Fence], Seal | None]) -> bool:
    """Whether all of these writes, one transaction, have happened before. `sealed` tells what is recorded where a
    fence stands. Raises `Fenced` where one of them must not happen, or only some have.
    """
    repeats = set()
    for fence in fences:
        seal = sealed(fence)
        if seal is None:
            raise refused(fence)
        repeats.add(seal.repeats(fence))
    if len(repeats) > 1:
        raise misplaced(tuple(fences))
    return repeats == {True}


def reconciled(
    projection: str, partition: Partition, known: LogIdentity, log: LogIdentity
) -> LogIdentity:
    """The log that the rows were made from; `AnotherLog` where `log` is not that one. A broker that tells
    no id is believed, and what it begins to tell is kept.
    """
    if known.id and log.id and known.id != log.id:
        raise another_log(projection, partition, known, log)
    return LogIdentity(known.id or log.id, known.partitions)


# What a refusal says: the same words, whichever store refuses.


def behind(claim: Claim, epoch: int) -> Fenced:
    """Another claim was sealed since."""
    return Fenced(
        f"{claim.projection} may not write the rows of {claim.partition} under epoch {claim.epoch}: the "
        f"read model holds epoch {epoch}, so another worker took over, or the projection was reset. Let "
        "the partition go, and join again"
    )


def refused(fence: Fence) -> Fenced:
    """The write comes under an epoch, or behind an offset, that holds no more."""
    return Fenced(
        f"{fence.projection} may not write the rows of {fence.partition} from {fence.expected} to "
        f"{fence.offset} under epoch {fence.epoch}: another worker took over, or the projection was "
        "reset. Let the partition go, and join again"
    )


def outlived(projection: str, partition: Partition, reset_to: Seal, epoch: int) -> Fenced:
    """A reset comes under an epoch that the read model has reached already."""
    return Fenced(
        f"{projection} cannot be reset in {partition} under epoch {reset_to.epoch}: the read model holds "
        f"epoch {epoch}; run the reset again"
    )


def misplaced(fences: tuple[Fence, ...]) -> Fenced:
    """Of several batches that belong together some were written, and some were not."""
    places = ", ".join(f"{fence.partition} to {fence.offset}" for fence in fences)
    return Fenced(
        f"the batches of {places} are one transaction, and only some of them were written. Let the "
        "partitions go, and join again"
    )
