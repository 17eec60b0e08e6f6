"""A worker's sign of life beside the checkpoints."""

from __future__ import annotations

import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

from consumer.errors import ConsumerError
from consumer.ports.presence import Presence

#: Seconds that an owner counts as living after its last sign: as long as others wait for a worker that
#: was killed before they may move its offsets.
LEASE_SECONDS = 10.0


class Attending:
    """Extends a worker's presence on a thread of its own, however slow an apply is, until it is left.

    What fails is tried again a third of a lease later; nothing stops for it.
    """

    def __init__(
        self, presence: Presence, owner: str, *, lease_seconds: float = LEASE_SECONDS
    ) -> None:
        self._presence = presence
        self._owner = owner
        self._lease_seconds = lease_seconds
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="presence", daemon=True)
        #: What the offset store answered last: None where it took the sign of life.
        self.trouble: Exception | None = None

    def __enter__(self) -> Self:
        self._extend()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        cause: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()
        with suppress(ConsumerError):  # it runs out by itself
            self._presence.leave(self._owner)

    def _run(self) -> None:
        while not self._over.wait(self._lease_seconds / 3):
            self._extend()

    def _extend(self) -> None:
        try:
            self._presence.extend(self._owner, self._lease_seconds)
        except Exception as cause:  # a thread that died would let a living worker pass for dead
            self.trouble = cause
        else:
            self.trouble = None
