"""What an offset store records of a projection in a partition, and the rules by which it changes."""

from __future__ import annotations

from datetime import datetime

import msgspec

from consumer.errors import AnotherLog, Fenced, Misconfigured, NewerRecord, OffsetLost
from consumer.model.condition import Condition, running
from consumer.model.position import Checkpoint, Claim, LogIdentity, Offset, Partition

#: The schema of the records that this release writes, and the newest that it understands. It grows
#: when an older release could not go on from a record; a field that it may ignore does not count.
SCHEMA = 1


class Custody(msgspec.Struct, frozen=True, gc=False):
    """How far a projection has come in a partition, and who may take it further.

    A pure value: each rule answers with the next one, or refuses and leaves this one as it is.
    """

    epoch: int
    #: The claim that may commit; "" where none may.
    token: str = ""
    #: Who claimed; "" where the partition was released.
    owner: str = ""
    #: None if the projection was reset and not claimed since.
    log: LogIdentity | None = None
    offset: Offset | None = None
    condition: Condition = running()  # it is frozen

    def checkpoint(self, projection: str, partition: Partition) -> Checkpoint | None:
        """What the world outside sees; None where the projection was reset."""
        if self.log is None:
            return None
        return Checkpoint(
            projection, partition, self.offset, self.epoch, self.log, self.owner, self.condition
        )

    def claimed(
        self, owner: str, token: str, log: LogIdentity, floor: int, now: datetime
    ) -> Custody | None:
        """Under a new owner, above `floor`; None where the offset belongs to another log."""
        known = self.log or log
        if known.id and log.id and known.id != log.id:
            return None
        return Custody(
            epoch=max(self.epoch, floor) + 1,
            token=token,
            owner=owner,
            # A broker that began to tell who it is: from now on it is held to that.
            log=LogIdentity(known.id or log.id, known.partitions),
            offset=self.offset,
            condition=running(now),
        )

    def committed(
        self, claim: Claim, expected: Offset | None, offset: Offset, now: datetime
    ) -> Custody | None:
        """At `offset`; None where the claim holds no more, or the offset is not as expected.

        Who commits runs, whatever was noted before.
        """
        if not self.is_held_by(claim) or self.offset not in {expected, offset}:
            return None
        condition = self.condition if self.condition.state == "running" else running(now)
        return msgspec.structs.replace(self, offset=offset, condition=condition)

    def noted(self, condition: Condition, now: datetime) -> Custody:
        """In this condition, since now unless the state is the same."""
        since = self.condition.since if self.condition.state == condition.state else now
        return msgspec.structs.replace(
            self, condition=msgspec.structs.replace(condition, since=since)
        )

    def released(self, now: datetime) -> Custody:
        """In nobody's hands; the offset stays, and what stood in its way."""
        condition = running(now) if self.condition.state == "running" else self.condition
        return msgspec.structs.replace(self, token="", owner="", condition=condition)

    def moved(self, log: LogIdentity, offset: Offset, now: datetime) -> Custody:
        """At `offset` of `log`, whatever was, and in nobody's hands under a new epoch."""
        return Custody(self.epoch + 1, log=log, offset=offset, condition=running(now))

    def reset(self) -> Custody:
        """As if the projection never ran, but for the epoch, which must never come again."""
        return Custody(self.epoch)

    def is_held_by(self, claim: Claim) -> bool:
        """Whether the claim is the last one. Epochs alone would not tell once a store lost its data."""
        return (self.epoch, self.token) == (claim.epoch, claim.token)


#: Before the first claim.
UNCLAIMED = Custody(epoch=0)


def validated_offset(offset: Offset) -> Offset:
    """The offset itself, if it is one; else `Misconfigured`, before "None" becomes part of a record."""
    if not isinstance(offset, Offset):
        raise Misconfigured(f"{offset!r} is no offset to commit: it takes that of an applied event")
    return offset


def recorded_offset(projection: str, partition: Partition, text: str | None) -> Offset | None:
    """The offset that a record holds as `text`; `Misconfigured` if nobody can read it."""
    try:
        return Offset.parse(text) if text else None
    except ValueError as cause:
        raise damaged(projection, partition, cause) from cause


# What a refusal says: the same words, whichever store refuses.


def fenced(claim: Claim, offset: Offset) -> Fenced:
    """The claim holds no more."""
    return Fenced(
        f"{claim.projection} may not move {claim.partition} to {offset}: its claim of epoch "
        f"{claim.epoch} holds no more, or the checkpoint is elsewhere; another worker took over, or "
        "the offsets were reset. Let the partition go, and join again"
    )


def gone(projection: str, partition: Partition) -> OffsetLost:
    """The record is gone that this process held, or with others that it held."""
    return OffsetLost(
        f"the offset store lost the checkpoint of {projection} in {partition}. Restore the store's data, or reset the projection's offsets and start again from "
        "where the read model stands"
    )


def another_log(
    projection: str, partition: Partition, known: LogIdentity, log: LogIdentity
) -> AnotherLog:
    """The checkpoint was made on a log of the same name that is not this one."""
    return AnotherLog(
        f"the checkpoint of {projection} in {partition} was made on the log {known.id!r}, and this is "
        f"{log.id!r}: the topic was made anew, or the cluster was swapped. Point the source back at "
        "the old log, or reset the projection's offsets to read the new one"
    )


def damaged(projection: str, partition: Partition, cause: Exception) -> Misconfigured:
    """What is recorded cannot have been written by any release."""
    return Misconfigured(
        f"the checkpoint of {projection} in {partition} is damaged: {cause}. Restore the offset "
        "store's data, or reset the projection's offsets"
    )


def newer(projection: str, partition: Partition, schema: object) -> NewerRecord:
    """A newer release wrote the record."""
    return NewerRecord(
        f"a newer release wrote the checkpoint of {projection} in {partition}, in schema {schema}; "
        f"this one knows schema {SCHEMA} and leaves it as it is. Deploy the newer release here too"
    )
