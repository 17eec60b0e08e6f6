"""A deed that is repeated beside the loop of a worker."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self


class Repeating:
    """Calls `deed`, which must not raise, on a thread of its own: `first` seconds after it is entered, then
    `every` so many, until it is left; leaving waits for a call that is under way.
    """

    def __init__(self, deed: Callable[[], None], *, name: str, first: float, every: float) -> None:
        self._deed = deed
        self._first = first
        self._every = every
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def __enter__(self) -> Self:
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

    def _run(self) -> None:
        wait = self._first
        while not self._over.wait(wait):
            self._deed()
            wait = self._every
