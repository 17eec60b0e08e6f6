"""What can happen to a projection, each fact under the verb that the log uses too."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from consumer.model.lag import Lag
from consumer.model.operations import ErrorType
from consumer.model.position import Offset, Partition
from consumer.model.start import Start


class Fact(msgspec.Struct, frozen=True):
    """Something that happened in the engine; its class name is the verb."""


class Started(Fact, frozen=True):
    """A worker began to run."""

    owner: str


class Delayed(Fact, frozen=True):
    """A worker cannot begin yet: a server is out of reach; it tries again after `delay` seconds."""

    delay: float
    cause: BaseException


class Joined(Fact, frozen=True):
    """The fleet took the worker in; partitions come, if there are any for it."""


class Left(Fact, frozen=True):
    """The fleet no longer counts the worker in; its client joins again by itself."""


class Claimed(Fact, frozen=True):
    """A partition was claimed; its events are read after `offset`."""

    partition: Partition
    epoch: int
    offset: Offset


class Began(Fact, frozen=True):
    """A projection that never ran on the partition has its first checkpoint, as `start` says."""

    partition: Partition
    offset: Offset
    start: Start


class Applied(Fact, frozen=True):
    """Events were applied, and the checkpoint moved."""

    partition: Partition
    epoch: int
    #: Events given to the projector; those of types that it does not handle are not among them, nor are
    #: duplicates.
    events: int
    #: Records settled, handled or not.
    records: int
    offset: Offset
    #: From having the events in hand, decoded, to the commit's reply.
    seconds: float
    #: Those of them that the projector took, and those that the offset store took. An attempt that was
    #: repeated counts with its last try alone.
    apply_seconds: float
    commit_seconds: float


class Waiting(Fact, frozen=True):
    """A batch failed; it is tried again after `delay` seconds while its partition waits."""

    partition: Partition
    epoch: int
    #: The checkpoint behind which the batch lies.
    offset: Offset
    attempt: int
    delay: float
    cause: BaseException
    #: Which part of the attempt failed, and what it took in all.
    error_type: ErrorType
    seconds: float


class Resumed(Fact, frozen=True):
    """A batch that had failed went through; its partition goes on."""

    partition: Partition
    epoch: int
    attempts: int


class Unclaimed(Fact, frozen=True):
    """A partition that we were assigned could not be claimed; it is asked for again after `delay` seconds."""

    partition: Partition
    delay: float
    cause: BaseException


class Halted(Fact, frozen=True):
    """A partition stopped at its checkpoint, and needs a person."""

    partition: Partition
    #: None, as is the offset, where the partition could not even be claimed.
    epoch: int | None
    offset: Offset | None
    cause: BaseException


class Skipped(Fact, frozen=True):
    """A record that could not be decoded was passed over, with all that it bundles, as the settings say."""

    partition: Partition
    offset: Offset
    cause: BaseException


class Duplicated(Fact, frozen=True):
    """Events were passed over whose sequence, or a later one of their aggregate, had been applied."""

    partition: Partition
    events: int


class Gapped(Fact, frozen=True):
    """Events were applied although others of their aggregates are missing before them, by their sequence."""

    partition: Partition
    #: How many came right behind a gap.
    events: int
    #: The first of them, its sequence, and the last one of its aggregate that was applied.
    offset: Offset
    sequence: int
    last: int


class Dropped(Fact, frozen=True):
    """Records in hand were dropped: their partition went to somebody else."""

    partition: Partition
    records: int


class Revoked(Fact, frozen=True):
    """A partition was given back in good order, its checkpoint at `offset`."""

    partition: Partition
    #: None, as is the offset, where it could not be claimed.
    epoch: int | None
    offset: Offset | None


class Lost(Fact, frozen=True):
    """A partition belongs to somebody else already; our last checkpoint was at `offset`."""

    partition: Partition
    #: None, as is the offset, where it could not be claimed.
    epoch: int | None
    offset: Offset | None


class Lagged(Fact, frozen=True):
    """The lag of the partitions that the worker holds was measured."""

    lags: Mapping[Partition, Lag]


class Unmeasured(Fact, frozen=True):
    """The lag could not be measured; it is tried again."""

    cause: BaseException


class Unmirrored(Fact, frozen=True):
    """The broker's own group could not be shown the checkpoints; it is tried again."""

    cause: BaseException


class Rejoining(Fact, frozen=True):
    """The worker leaves its membership, and joins again after `delay` seconds."""

    delay: float
    cause: BaseException


class Stopped(Fact, frozen=True):
    """The worker left, and will not come back."""
