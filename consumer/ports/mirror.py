"""The broker's own book of a group's offsets, for tools that read it there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from consumer.model.position import Offset, Partition


class Mirror(Protocol):
    """Shows checkpoints where the broker's tools, and autoscalers, look for them; nothing is read from it.

    Workers show theirs through `Source.mirror`; this is for a projection without workers.
    """

    def show(self, offsets: Mapping[Partition, Offset]) -> None:
        """The group stands at these offsets, the last applied ones. Raises `Transient` where the broker is
        out of reach, or does not take it while the group has members.
        """

    def close(self) -> None:
        """Lets the connection go. Safe to call twice."""
