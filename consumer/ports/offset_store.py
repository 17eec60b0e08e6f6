"""Where checkpoints are kept, and who may move them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from consumer.model.condition import Condition
from consumer.model.position import Checkpoint, Claim, LogIdentity, Offset, Partition


class OffsetStore(Protocol):
    """The last applied offset of each projection and partition, fenced by epochs.

    Every method may raise `Transient` (out of reach; try again), `Closed`, and `Misconfigured` for a
    name that `validated_name` refuses. Every method that reads or writes a record raises
    `NewerRecord`, and writes nothing, where a newer release wrote it. Projections never see each other's records.
    Safe to use from several threads.
    """

    def get(self, projection: str, partition: Partition) -> Checkpoint | None:
        """The checkpoint; None if the projection never ran on the partition, or was reset since."""

    def claim(
        self,
        projection: str,
        partition: Partition,
        *,
        owner: str,
        log: LogIdentity,
        floor: int | None = None,
    ) -> Claim:
        """Takes the partition under a new epoch, above every earlier one and above `floor`.

        The claim's token is fresh for each call, and reused only by retries within the call, so a
        lost reply costs nothing. Claims that race get distinct epochs; the last one holds. The first
        claim records `log`; a later one from a log with another id raises `AnotherLog` and changes
        nothing; a record with an empty id takes the first that it hears. Raises `OffsetLost` where the
        record is gone that this process held, or another of the projection in data that is gone since;
        but not where there is a `floor`: then a read model keeps the offset, and the record is made anew.
        """

    def commit(self, claim: Claim, expected: Offset | None, offset: Offset) -> None:
        """Moves the checkpoint from `expected` to `offset`, if the claim still holds; else `Fenced`.

        The same commit again succeeds. `Fenced` too where the checkpoint is at neither of the two.
        Raises `OffsetLost` where the record is gone. Ends what `note` said: who commits runs.
        """

    def note(self, claim: Claim, condition: Condition) -> None:
        """Leaves word of what stands in the partition's way, for whoever looks; `condition.since` is the
        store's own, and stays while the state does.

        Does nothing where the claim holds no longer, or the record is gone.
        """

    def move(
        self, projection: str, partition: Partition, offset: Offset, *, log: LogIdentity
    ) -> Checkpoint | None:
        """Puts the checkpoint to `offset` of `log`, whatever it was, in one step; the former one.

        Nobody holds the partition then, under an epoch above every earlier one: who held it is fenced.
        """

    def release(self, claim: Claim) -> None:
        """Gives the partition back: the record has no owner, and the claim commits no more.

        Does nothing where the claim holds no longer.
        """

    def list_projections(self) -> Sequence[str]:
        """The names that were claimed and not reset since, sorted."""

    def partitions(self, projection: str) -> Sequence[Partition]:
        """Those on which the projection has a checkpoint, in order; none where the name is unknown."""

    def reset(self, projection: str) -> None:
        """Forgets the projection's offsets and logs, and fences who holds them; epochs are kept.

        An unknown name is no error.
        """

    def close(self) -> None:
        """Lets the connection go. Safe to call twice; any other call after it raises `Closed`."""
