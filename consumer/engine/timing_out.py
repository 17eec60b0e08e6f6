"""Applies that are waited for no longer than they may take, inside a program that goes on after them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from queue import SimpleQueue

from consumer.engine.awaiting import Loop
from consumer.errors import TimedOut
from consumer.model.event import Batch
from consumer.ports.projector import AnyProjector, SetsUp


class TimingOut:
    """A projector whose methods run on one thread of their own, its event loop too.

    An apply that takes longer than `seconds` raises `TimedOut`. It cannot be stopped, so it is left to
    itself, and whoever called it must call no more: two applies would run at once. `setup` may take
    as long as it likes. The thread ends with `close`, and never keeps the program from ending.
    """

    def __init__(self, projector: AnyProjector, seconds: float) -> None:
        self.name = projector.name
        self.handles = projector.handles
        self._projector = projector
        self._seconds = seconds
        self._calls: SimpleQueue[tuple[Callable[[], object], Future[None]] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        #: Whether a call was left to itself: it was late, or an interrupt ended the waiting.
        self.has_left = False

    def setup(self) -> None:
        """The projector's, if it has one."""
        if isinstance(self._projector, SetsUp):
            self._call(self._projector.setup, None)

    def apply(self, batch: Batch) -> None:
        """The projector's; raises `TimedOut` where it has not ended in time."""
        self._call(lambda: self._projector.apply(batch), self._seconds)
        if self.has_left:
            raise TimedOut(
                f"{self.name} had not applied the events of {batch.partition} from "
                f"{batch.first} to {batch.fence.offset} after {self._seconds:g} seconds, and "
                "may still be at it. Find out what it waits for, or allow a longer timeout; a new "
                "Runner applies them again"
            )

    def close(self) -> None:
        """Ends the thread and the event loop, at once or with the call that was left. Safe to call twice."""
        if self._thread is not None:
            self._calls.put(None)
            if not self.has_left:
                self._thread.join()
            self._thread = None

    def _call(self, method: Callable[[], object], seconds: float | None) -> None:
        if self._thread is None:
            # A daemon: a program that ends does not wait for an apply that hangs.
            self._thread = threading.Thread(target=self._run, name="apply", daemon=True)
            self._thread.start()
        called: Future[None] = Future()
        try:
            self._calls.put((method, called))
            wait([called], seconds)
        finally:
            self.has_left = not called.done()
        if not self.has_left:
            called.result()

    def _run(self) -> None:
        loop = Loop()
        while (call := self._calls.get()) is not None:
            method, called = call
            try:
                loop.wait(method())
            except BaseException as cause:  # raised again where it is waited for
                called.set_exception(cause)
            else:
                called.set_result(None)
        loop.close()
