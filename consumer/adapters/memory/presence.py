"""Who lives, in this process's memory."""

from __future__ import annotations

import time
from collections.abc import Collection
from threading import Lock

from consumer.errors import Closed


class MemoryPresence:
    """The `Presence` without a server."""

    def __init__(self) -> None:
        #: When each lease runs out, on the monotonic clock.
        self._leases: dict[str, float] = {}
        self._lock = Lock()
        self._closed = False

    def extend(self, owner: str, seconds: float) -> None:
        """As `Presence.extend`."""
        self._check_open()
        with self._lock:
            self._leases[owner] = time.monotonic() + seconds

    def leave(self, owner: str) -> None:
        """As `Presence.leave`."""
        self._check_open()
        with self._lock:
            self._leases.pop(owner, None)

    def present(self, owners: Collection[str]) -> frozenset[str]:
        """As `Presence.present`."""
        self._check_open()
        now = time.monotonic()
        with self._lock:
            return frozenset(owner for owner in owners if self._leases.get(owner, now) > now)

    def close(self) -> None:
        """As `Presence.close`; the leases are gone with it."""
        self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            raise Closed("the leases of owners are closed")
