"""How a worker is asked to stop: SIGTERM or SIGINT once to drain, twice to end at once."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Self

from consumer.cli import exits

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
#: How soon a second signal comes that is the first one again.
_ECHO_SECONDS = 0.2
#: How long the last words may take to be read.
_LAST_WORDS_SECONDS = 0.5


class Ending:
    """Watches for signals on a thread of its own, for the worker's may be deep in a projector's call.

    The first signal calls what `then` was given, the second ends the process with 128 + its number. So
    does time: `drain_seconds` after the first one the process ends with `UNDRAINED`.
    """

    def __init__(self, drain_seconds: float) -> None:
        self._drain_seconds = drain_seconds
        self._arrivals, self._wakeup = socket.socketpair()
        self._stop: Callable[[], None] | None = None
        #: Set once the process was asked to end.
        self.asked = threading.Event()

    def then(self, stop: Callable[[], None]) -> None:
        """What to call on the first signal; called at once where it came already."""
        self._stop = stop
        if self.asked.is_set():
            stop()

    def __enter__(self) -> Self:
        self._wakeup.setblocking(False)
        self._former_fd = signal.set_wakeup_fd(self._wakeup.fileno(), warn_on_full_buffer=False)
        self._former = {number: signal.signal(number, _written) for number in _SIGNALS}
        threading.Thread(target=self._watch, name="signals", daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        cause: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._former_fd)
        self._wakeup.close()  # which ends the thread

    def _watch(self) -> None:
        with self._arrivals:
            if not self._next(None):
                return
            self.asked.set()
            if self._stop is not None:
                self._stop()
            self._skip_echoes()
            self._drain()

    def _skip_echoes(self) -> None:
        """`timeout` of the coreutils tells its child, and then the child's whole group, within a breath."""
        until = time.monotonic() + _ECHO_SECONDS
        with suppress(TimeoutError):
            while self._next(max(0.0, until - time.monotonic())):
                pass

    def _drain(self) -> None:
        try:
            second = self._next(self._drain_seconds)
        except TimeoutError:
            end_now(
                f"the batch in hand is not done {self._drain_seconds:g} s after the worker was told to "
                "stop (drain_seconds): ending without its commit, it will be applied again",
                exits.UNDRAINED,
            )
        if second:
            end_now("told to stop a second time: ending at once", 128 + second)

    def _next(self, timeout: float | None) -> int:
        """The number of the next signal that asks for an end; 0 once the watch is over.

        Raises `TimeoutError` where there is none within so many seconds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            if deadline is not None and (timeout := deadline - time.monotonic()) <= 0:
                raise TimeoutError
            self._arrivals.settimeout(timeout)
            arrived = self._arrivals.recv(1)
            # Python writes the number of every signal that has a handler: a projector may have some too.
            if not arrived or arrived[0] in _SIGNALS:
                return arrived[0] if arrived else 0


def _written(number: int, frame: FrameType | None) -> None:
    """Its number was written to the wakeup socket already; without a handler it would not have been."""


def end_now(text: str, code: int) -> None:
    """Ends the process at once, and with it whatever runs in it; also where nobody reads what it says."""
    try:
        # By itself, and not for long: whoever should read it may be gone, or their pipe full.
        saying = threading.Thread(target=_say, args=(text,), name="last words", daemon=True)
        saying.start()
        saying.join(_LAST_WORDS_SECONDS)
    finally:
        os._exit(code)


def _say(text: str) -> None:
    with suppress(OSError):
        os.write(2, f"{text}\n".encode())  # another thread may hold the lock of sys.stderr
