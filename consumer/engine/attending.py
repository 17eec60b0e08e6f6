"""A worker's sign of life beside the checkpoints."""

from __future__ import annotations

from contextlib import suppress
from types import TracebackType
from typing import Self

from consumer.engine.repeating import Repeating
from consumer.errors import ConsumerError
from consumer.ports.presence import Presence

#: Seconds that an owner counts as living after its last sign: as long as others wait for a worker that
#: was killed before they may move its offsets.
LEASE_SECONDS = 10.0


class Attending(Repeating):
    """Extends a worker's presence on a thread of its own, however slow an apply is, until it is left.

    What fails is tried again a third of a lease later; nothing stops for it.
    """

    def __init__(
        self, presence: Presence, owner: str, *, lease_seconds: float = LEASE_SECONDS
    ) -> None:
        self._presence = presence
        self._owner = owner
        self._lease_seconds = lease_seconds
        every = lease_seconds / 3
        super().__init__(self._extend, name="presence", first=every, every=every)
        #: What the offset store answered last: None where it took the sign of life.
        self.trouble: Exception | None = None

    def __enter__(self) -> Self:
        self._extend()
        return super().__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        cause: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        super().__exit__(kind, cause, trace)
        with suppress(ConsumerError):  # it runs out by itself
            self._presence.leave(self._owner)

    def _extend(self) -> None:
        try:
            self._presence.extend(self._owner, self._lease_seconds)
        except Exception as cause:  # a thread that died would let a living worker pass for dead
            self.trouble = cause
        else:
            self.trouble = None
