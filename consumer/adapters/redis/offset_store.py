"""Checkpoints in Redis: one hash per projection and partition, moved by scripts alone."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

from consumer.adapters.redis import checkpoint_records
from consumer.adapters.redis.checkpoint_scripts import (
    CHECKPOINT_FIELDS,
    CLAIM,
    COMMIT,
    INCARNATION,
    MOVE,
    NOTE,
    RELEASE,
    RESET,
)
from consumer.adapters.redis.connection import Client, reachable
from consumer.adapters.redis.listing import Listing
from consumer.adapters.redis.scripts import Line, text
from consumer.errors import Closed, ConsumerError, Misconfigured
from consumer.model.condition import Condition
from consumer.model.custody import (
    another_log,
    fenced,
    gone,
    newer,
    recorded_offset,
    validated_offset,
)
from consumer.model.names import validated_name
from consumer.model.position import Checkpoint, Claim, LogIdentity, Offset, Partition


class RedisOffsetStore:
    """The `OffsetStore` on Redis 6.2 and later, Valkey, and their clusters.

    A commit is one round trip. Every key starts with `prefix`, and stores under different prefixes
    share nothing. The client is the store's own from now on, which closes it.
    """

    def __init__(self, client: Client, *, prefix: str) -> None:
        if not prefix or "{" in prefix or "}" in prefix:
            raise Misconfigured(
                f"{prefix!r} cannot be the prefix of Redis keys: it must not be empty, and braces would "
                "tell a cluster where to put them"
            )
        self._client = client
        self._line = Line(client)
        self._prefix = prefix
        self._listing = Listing(client, prefix=prefix)
        #: What this process held last, and under which epoch.
        self._held: dict[tuple[str, Partition], int] = {}
        #: The incarnation of the store in which this process first claimed for each projection.
        self._incarnations: dict[str, str] = {}
        self._closed = False

    def get(self, projection: str, partition: Partition) -> Checkpoint | None:
        """As `OffsetStore.get`; `NewerRecord` where this release cannot read the record."""
        key = self._key(projection, partition)
        with reachable(f"read the checkpoint of {projection} in {partition}"):
            found = self._client.hmget(key, CHECKPOINT_FIELDS)
        fields = ["" if value is None else text(value) for value in found]
        return checkpoint_records.read(projection, partition, fields)

    def claim(
        self,
        projection: str,
        partition: Partition,
        *,
        owner: str,
        log: LogIdentity,
        floor: int | None = None,
    ) -> Claim:
        """As `OffsetStore.claim`. A Redis that went back in time hands no epoch out to us twice."""
        key = self._key(projection, partition)
        held = self._held.get((projection, partition))
        token = uuid4().hex
        deed = f"claim {partition} for {projection}"
        # Before the first record, so that no record is ever without it.
        incarnation = self._incarnation(deed)
        is_another = self._incarnations.setdefault(projection, incarnation) != incarnation
        self._listing.add(projection, partition)
        answer = self._line.run(
            CLAIM,
            key,
            deed,
            token,
            owner,
            log.id,
            log.partitions,
            max(floor or 0, held or 0),
            1 if floor is None and (held is not None or is_another) else 0,
        )
        match answer:
            case ["claimed", epoch, offset]:
                self._held[projection, partition] = int(epoch)
                if floor is not None:
                    self._incarnations[projection] = incarnation
                at = recorded_offset(projection, partition, offset)
                return Claim(projection, partition, int(epoch), token, at)
            case ["another", known]:
                raise another_log(projection, partition, LogIdentity(known, 0), log)
            case _:
                raise _refusal(answer, projection, partition)

    def commit(self, claim: Claim, expected: Offset | None, offset: Offset) -> None:
        """As `OffsetStore.commit`, in one round trip."""
        answer = self._line.run(
            COMMIT,
            self._key(claim.projection, claim.partition),
            f"commit {claim.projection} in {claim.partition} at {offset}",
            claim.epoch,
            claim.token,
            "" if expected is None else str(expected),
            str(validated_offset(offset)),
        )
        match answer:
            case ["committed"]:
                return
            case ["fenced"]:
                raise fenced(claim, offset)
            case _:
                raise _refusal(answer, claim.projection, claim.partition)

    def note(self, claim: Claim, condition: Condition) -> None:
        """As `OffsetStore.note`."""
        answer = self._line.run(
            NOTE,
            self._key(claim.projection, claim.partition),
            f"note how {claim.projection} fares in {claim.partition}",
            claim.epoch,
            claim.token,
            condition.state,
            condition.reason,
        )
        if answer not in (["noted"], ["kept"]):
            raise _refusal(answer, claim.projection, claim.partition)

    def move(
        self, projection: str, partition: Partition, offset: Offset, *, log: LogIdentity
    ) -> Checkpoint | None:
        """As `OffsetStore.move`, also where the record is gone, damaged, or of another log."""
        key = self._key(projection, partition)
        to = str(validated_offset(offset))
        deed = f"move {projection} in {partition} to {to}"
        self._listing.add(projection, partition)
        answer = self._line.run(MOVE, key, deed, uuid4().hex, log.id, log.partitions, to)
        match answer:
            case ["moved", *before]:
                return checkpoint_records.read_if_legible(projection, partition, before)
            case _:
                raise _refusal(answer, projection, partition)

    def release(self, claim: Claim) -> None:
        """As `OffsetStore.release`."""
        answer = self._line.run(
            RELEASE,
            self._key(claim.projection, claim.partition),
            f"release {claim.partition} of {claim.projection}",
            claim.epoch,
            claim.token,
        )
        if answer not in (["released"], ["kept"]):
            raise _refusal(answer, claim.projection, claim.partition)

    def list_projections(self) -> Sequence[str]:
        """As `OffsetStore.list_projections`."""
        self._check_open()
        return [
            name
            for name in self._listing.projections()
            if any(self._is_recorded(name, each) for each in self._listing.partitions(name))
        ]

    def partitions(self, projection: str) -> Sequence[Partition]:
        """As `OffsetStore.partitions`."""
        self._check_open()
        listed = self._listing.partitions(validated_name(projection))
        return [partition for partition in listed if self._is_recorded(projection, partition)]

    def reset(self, projection: str) -> None:
        """As `OffsetStore.reset`. Partitions are reset one by one; where it fails, reset again."""
        self._check_open()
        partitions = self._listing.partitions(validated_name(projection))
        for partition in partitions:  # all are looked at before any is changed
            self.get(projection, partition)
        for partition in partitions:
            key = self._key(projection, partition)
            answer = self._line.run(RESET, key, f"reset {projection} in {partition}")
            if answer != ["reset"]:
                raise _refusal(answer, projection, partition)
            self._held.pop((projection, partition), None)
        self._incarnations.pop(projection, None)

    def close(self) -> None:
        """As `OffsetStore.close`."""
        if not self._closed:
            self._closed = True
            with reachable("let its connections go"):
                self._line.close()

    def _incarnation(self, deed: str) -> str:
        """Which one the data is of: where all of it was lost, whatever comes then is of another.

        In a cluster it is on one master, and tells of no data that another one lost.
        """
        key = f"{self._prefix}:store:incarnation"
        (incarnation,) = self._line.run(INCARNATION, key, deed, uuid4().hex)
        return incarnation

    def _is_recorded(self, projection: str, partition: Partition) -> bool:
        with reachable(f"look for {projection} in {partition}"):
            return bool(self._client.hexists(self._key(projection, partition), "log_partitions"))

    def _key(self, projection: str, partition: Partition) -> str:
        """In braces is what a cluster hashes: all that is kept of a partition can share a slot."""
        self._check_open()
        return f"{self._prefix}:offset:{{{validated_name(projection)}:{partition}}}"

    def _check_open(self) -> None:
        if self._closed:
            raise Closed("the offset store is closed")


def _refusal(answer: list[str], projection: str, partition: Partition) -> ConsumerError:
    match answer:
        case ["newer", schema]:
            return newer(projection, partition, schema)
        case _:
            return gone(projection, partition)
