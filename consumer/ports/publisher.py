"""Where new events are written to."""

from __future__ import annotations

from typing import Protocol

from consumer.model.outgoing import Outgoing


class Publisher(Protocol):
    """Appends events to the log of a topic, each to the partition of its key."""

    def send(self, event: Outgoing) -> None:
        """Hands the event over; may wait while buffers are full. Raises `Transient` or `Misconfigured`."""

    def flush(self) -> None:
        """Returns once every event sent so far is in the log; raises `Transient` if one is not."""

    def close(self) -> None:
        """Flushes and lets the connection go. Safe to call twice."""
