"""What a projector's coroutines run on."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Coroutine
from typing import TYPE_CHECKING, NoReturn

from consumer.errors import Misconfigured

if TYPE_CHECKING:
    import asyncio


class Loop:
    """Waits for what turns out to be a coroutine; its event loop is made with the first one.

    Every method of a projector may be one: what a call returns tells, however it was declared.
    """

    def __init__(self) -> None:
        self._runner: asyncio.Runner | None = None

    def wait(self, returned: object) -> None:
        """Returns at once, or when the coroutine has ended; what it raises is raised here.

        Raises `Misconfigured` in a thread whose own event loop runs, and would stand still meanwhile.
        """
        if not isinstance(returned, Awaitable):
            return
        import asyncio  # what most programs never need takes longest to import

        if _is_inside_a_loop():
            _refuse(returned)
        if self._runner is None:
            self._runner = asyncio.Runner()
        try:
            self._runner.run(_awaited(returned))
        except asyncio.CancelledError as cause:
            # Not an Exception, and so it would end the worker as if that had been asked to stop.
            raise RuntimeError("the coroutine was cancelled") from cause

    def close(self) -> None:
        """Ends the event loop, and what was left running on it. Safe to call twice, and in any thread."""
        runner, self._runner = self._runner, None
        if runner is None:
            return
        if _is_inside_a_loop():  # a thread runs one at a time
            closing = threading.Thread(target=runner.close)
            closing.start()
            closing.join()
        else:
            runner.close()


def _is_inside_a_loop() -> bool:
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _refuse(returned: Awaitable[object]) -> NoReturn:
    if isinstance(returned, Coroutine):
        returned.close()  # it never began, and need not be waited for
    name = getattr(returned, "__qualname__", type(returned).__qualname__)
    raise Misconfigured(
        f"{name} is a coroutine, and cannot be waited for inside a running event loop, which would stand "
        "still meanwhile: call the Runner in a thread, as in await asyncio.to_thread(runner.apply_since)"
    )


async def _awaited(returned: Awaitable[object]) -> None:
    await returned
