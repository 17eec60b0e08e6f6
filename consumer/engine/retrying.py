"""How long to wait before the next attempt."""

from __future__ import annotations

import random

import msgspec


class Backoff(msgspec.Struct, frozen=True):
    """Waits that double from `initial` to `cap` seconds, each shortened by chance by up to half.

    The chance keeps a fleet that lost one server from coming back to it in step.
    """

    initial: float = 0.1
    cap: float = 30.0

    def delay(self, attempt: int) -> float:
        """Seconds to wait after the attempt of this number; the first is 1."""
        doubled = self.initial * 2.0 ** min(attempt - 1, 60)
        return min(doubled, self.cap) * random.uniform(0.5, 1.0)  # noqa: S311  # no secret in it
