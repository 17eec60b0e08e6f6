"""What was done to offsets by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from consumer.model.reset import Reset


class Audit(Protocol):
    """The records of resets, kept beside the checkpoints. All methods may raise `Transient` and `Closed`."""

    def record(self, reset: Reset) -> None:
        """Keeps the record; it is written before the first offset moves, so that no move goes unrecorded."""

    def records(self, projection: str) -> Sequence[Reset]:
        """All of a projection, the oldest first; they outlive `OffsetStore.reset`."""

    def close(self) -> None:
        """Lets the connection go. Safe to call twice."""
