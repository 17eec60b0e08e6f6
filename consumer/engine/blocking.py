"""A projector whose apply is a coroutine, as one whose apply is not."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from consumer.model.event import Batch
from consumer.ports.projector import AsyncProjector, Closes, SetsUp


class Blocking:
    """A `Projector` that runs an `AsyncProjector` on an event loop of its own, batch by batch."""

    def __init__(self, projector: AsyncProjector) -> None:
        self._projector = projector
        self._loop = asyncio.Runner()

    @property
    def name(self) -> str:
        """The projector's."""
        return self._projector.name

    @property
    def handles(self) -> Collection[str] | None:
        """The projector's."""
        return self._projector.handles

    def setup(self) -> None:
        """The projector's, if it has one."""
        if isinstance(self._projector, SetsUp):
            self._projector.setup()

    def apply(self, batch: Batch) -> None:
        """Returns when the coroutine has; what it raises is raised here."""
        self._loop.run(self._projector.apply(batch))

    def close(self) -> None:
        """Closes the projector, if it can be closed; then its event loop, and what was left on it."""
        if isinstance(self._projector, Closes):
            self._projector.close()
        self._loop.close()
