"""A log read by a fleet: who owns which partition, and what came in."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Protocol

from consumer.errors import OffsetLost
from consumer.model.position import Claim, LogIdentity, Offset, Partition
from consumer.model.record import Fetched
from consumer.model.start import Start


class Membership(Protocol):
    """What a source tells the engine about its partitions.

    No method raises, but for
    `claim`: `Misconfigured` where a person must act, which the source lets pass.
    """

    def claim(
        self, partition: Partition, log: LogIdentity, first: Callable[[Start], Offset]
    ) -> Claim | None:
        """Asks for a partition that this process was assigned; the source reads on after `claim.offset`,
        which is never None here.

        None: not now, or never; keep the partition paused, and ask again in the next poll (asking
        costs nothing). `first` is called if the projection never ran here: it answers with the offset
        of the last event *not* to be read, and may raise `Transient`.
        """

    def revoked(self, partitions: Collection[Partition]) -> None:
        """These are given back in good order; what is applied is committed, nothing more will be."""

    def lost(self, partitions: Collection[Partition]) -> None:
        """These belong to somebody else already; what is in hand of them is dropped."""

    def halt(self, partition: Partition, cause: OffsetLost) -> None:
        """The log cannot go on from the checkpoint: the partition stays where it is, with the reason."""

    def unmirrored(self, cause: Exception) -> None:
        """The broker's own group could not be shown how far we are; it will be, by a later try."""


class Source(Protocol):
    """Membership in a fleet that shares the partitions of a log. All calls come on one thread."""

    def open(self, membership: Membership) -> None:
        """Joins. Partitions come later, while polling. Raises `SourceFailed` when it cannot."""

    def poll(self, paused: Collection[Partition], wait: float) -> Iterator[Fetched]:
        """What came in, at most one `Fetched` a partition, of claimed partitions that are not `paused`.

        Waits up to `wait` seconds for the first record, and not at all for more. Applies happen
        between two steps of the iterator; the source must keep its membership however slow they are,
        and may call the membership at each step. A partition with nothing in hand whose log has moved
        on without records yields a `Fetched` without records. Raises `SourceFailed` when the client
        is beyond repair; an outage that the client waits out by itself yields nothing.
        """

    def owns(self, partition: Partition) -> bool:
        """Whether an apply may start now: still assigned, and the lease, if there is one, not past its deadline."""

    def joined(self) -> bool:
        """Whether the fleet took us in; a share without partitions counts. Asks nobody."""

    def mirror(self, partition: Partition, offset: Offset) -> None:
        """The checkpoint is at `offset` now: the broker's own group should show it. Takes note, no more.

        The source shows the latest of each partition about once a second, where it claims one, before it
        gives one back, and in `close`, bounded; it does so beside the reading, which waits for none of
        it. What fails is told by `Membership.unmirrored`, and tried again. Never raises.
        """

    def close(self) -> None:
        """Leaves, at once for the others: tells the membership first (`revoked`). Safe to call twice; never raises."""
