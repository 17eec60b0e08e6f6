"""Checkpoints in this process's memory: for tests and for what need not outlive the process."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from threading import Lock
from uuid import uuid4

from consumer.errors import Closed
from consumer.model.condition import Condition
from consumer.model.custody import (
    UNCLAIMED,
    Custody,
    another_log,
    fenced,
    gone,
    validated_offset,
)
from consumer.model.names import validated_name
from consumer.model.position import Checkpoint, Claim, LogIdentity, Offset, Partition


class MemoryOffsetStore:
    """The `OffsetStore` without a server. It never loses a record while the process lives."""

    def __init__(self) -> None:
        self._custodies: dict[tuple[str, Partition], Custody] = {}
        self._lock = Lock()
        self._closed = False

    def get(self, projection: str, partition: Partition) -> Checkpoint | None:
        """As `OffsetStore.get`."""
        place = self._place(projection, partition)
        with self._lock:
            return self._custodies.get(place, UNCLAIMED).checkpoint(*place)

    def claim(
        self,
        projection: str,
        partition: Partition,
        *,
        owner: str,
        log: LogIdentity,
        floor: int | None = None,
    ) -> Claim:
        """As `OffsetStore.claim`."""
        place = self._place(projection, partition)
        token = uuid4().hex
        with self._lock:
            before = self._custodies.get(place, UNCLAIMED)
            after = before.claimed(owner, token, log, floor or 0, datetime.now(UTC))
            if after is None:
                raise another_log(projection, partition, before.log or log, log)
            self._custodies[place] = after
        return Claim(projection, partition, after.epoch, token, after.offset)

    def commit(self, claim: Claim, expected: Offset | None, offset: Offset) -> None:
        """As `OffsetStore.commit`."""
        place = self._place(claim.projection, claim.partition)
        validated_offset(offset)
        with self._lock:
            before = self._custodies.get(place)
            if before is None:
                raise gone(*place)
            after = before.committed(claim, expected, offset, datetime.now(UTC))
            if after is None:
                raise fenced(claim, offset)
            self._custodies[place] = after

    def release(self, claim: Claim) -> None:
        """As `OffsetStore.release`."""
        place = self._place(claim.projection, claim.partition)
        with self._lock:
            before = self._custodies.get(place, UNCLAIMED)
            if before.is_held_by(claim):
                self._custodies[place] = before.released(datetime.now(UTC))

    def note(self, claim: Claim, condition: Condition) -> None:
        """As `OffsetStore.note`."""
        place = self._place(claim.projection, claim.partition)
        with self._lock:
            before = self._custodies.get(place, UNCLAIMED)
            if before.is_held_by(claim):
                self._custodies[place] = before.noted(condition, datetime.now(UTC))

    def move(
        self, projection: str, partition: Partition, offset: Offset, *, log: LogIdentity
    ) -> Checkpoint | None:
        """As `OffsetStore.move`."""
        place = self._place(projection, partition)
        validated_offset(offset)
        with self._lock:
            before = self._custodies.get(place, UNCLAIMED)
            self._custodies[place] = before.moved(log, offset, datetime.now(UTC))
        return before.checkpoint(*place)

    def list_projections(self) -> Sequence[str]:
        """As `OffsetStore.list_projections`."""
        self._check_open()
        with self._lock:
            return sorted(
                {name for (name, _), custody in self._custodies.items() if custody.log is not None}
            )

    def partitions(self, projection: str) -> Sequence[Partition]:
        """As `OffsetStore.partitions`."""
        self._check_open()
        validated_name(projection)
        with self._lock:
            return sorted(
                partition
                for (name, partition), custody in self._custodies.items()
                if name == projection and custody.log is not None
            )

    def reset(self, projection: str) -> None:
        """As `OffsetStore.reset`."""
        self._check_open()
        validated_name(projection)
        with self._lock:
            for place, custody in self._custodies.items():
                if place[0] == projection:
                    self._custodies[place] = custody.reset()

    def close(self) -> None:
        """As `OffsetStore.close`; the checkpoints are gone with it."""
        self._closed = True

    def _place(self, projection: str, partition: Partition) -> tuple[str, Partition]:
        self._check_open()
        return validated_name(projection), partition

    def _check_open(self) -> None:
        if self._closed:
            raise Closed("the offset store is closed")
