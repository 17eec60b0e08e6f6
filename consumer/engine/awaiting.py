"""What a projector's coroutines run on."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio


class Loop:
    """Waits for what turns out to be a coroutine; its event loop is made with the first one.

    Every method of a projector may be one: what a call returns tells, however it was declared.
    """

    def __init__(self) -> None:
        self._runner: asyncio.Runner | None = None

    def wait(self, returned: object) -> None:
        """Returns at once, or when the coroutine has ended; what it raises is raised here."""
        if not isinstance(returned, Awaitable):
            return
        import asyncio  # what most programs never need takes longest to import

        if self._runner is None:
            self._runner = asyncio.Runner()
        try:
            self._runner.run(_awaited(returned))
        except asyncio.CancelledError as cause:
            # Not an Exception, and so it would end the worker as if that had been asked to stop.
            raise RuntimeError("the coroutine was cancelled") from cause

    def close(self) -> None:
        """Ends the event loop, and what was left running on it. Safe to call twice."""
        if self._runner is not None:
            self._runner.close()
            self._runner = None


async def _awaited(returned: Awaitable[object]) -> None:
    await returned
