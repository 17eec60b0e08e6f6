"""Whether a worker lives, and whether it is ready, each with the reason."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from consumer.model.causes import told
from consumer.model.facts import (
    Delayed,
    Fact,
    Joined,
    Lagged,
    Left,
    Rejoining,
    Started,
    Stopped,
    Unmeasured,
)


class Answer(msgspec.Struct, frozen=True):
    """What a probe is told."""

    ok: bool
    #: One line: what is so, or what is waited for, and since when.
    reason: str


class Health:
    """An observer that answers probes, from any thread, without asking anybody.

    A worker lives as long as its loop comes round, whatever it waits for. It is ready once the fleet took
    it in, also without a partition, while the offset store answers and until it drains.
    """

    def __init__(self, limit: float, draining: Callable[[], bool]) -> None:
        #: Seconds that the loop may be silent: a little more than an apply may take.
        self._limit = limit
        self._draining = draining
        self._silence: Callable[[], float] | None = None
        self._trouble: Callable[[], Exception | None] = lambda: None
        #: Seconds that the loop rests on purpose, before it joins again.
        self._rest = 0.0
        #: When the loop was last heard of through a fact.
        self._heard_at = time.monotonic()
        self._joined = False
        self._state = _Since("waiting to start")
        self._outage = _Since("")
        self._drain = _Since("")

    def watch(self, silence: Callable[[], float], trouble: Callable[[], Exception | None]) -> None:
        """The worker is made: `silence` tells the seconds since its loop last came round, `trouble` why
        the offset store did not answer last, and None where it did.
        """
        self._trouble = trouble
        self._silence = silence

    def happened(self, fact: Fact) -> None:
        """As `Observer.happened`."""
        self._look()
        if isinstance(fact, Lagged | Unmeasured):
            return  # they come on another thread, and say nothing about the loop
        self._heard_at = time.monotonic()
        if isinstance(fact, Delayed):
            self._waits_for(f"waiting to start: {told(fact.cause)}")
        elif isinstance(fact, Started):
            self._waits_for("waiting for the fleet to take this worker in")
        elif isinstance(fact, Joined):
            self._rest = 0.0
            self._state = _Since("joined")
            self._joined = True
        elif isinstance(fact, Left):
            self._waits_for("waiting to be counted in again: the fleet does without this worker")
        elif isinstance(fact, Rejoining):
            self._rest = fact.delay
            self._waits_for(f"left, to join again: {told(fact.cause)}")
        elif isinstance(fact, Stopped):
            self._waits_for("stopped")

    def live(self) -> Answer:
        """Whether the loop comes round. False asks for a new process."""
        self._look()
        if self._silence is None:
            return Answer(True, str(self._state))
        silence = min(self._silence(), time.monotonic() - self._heard_at)
        if silence > self._limit + self._rest:
            return Answer(
                False,
                f"the loop has not come round for {silence:.0f} s, and may take {self._limit:.0f} s: the apply, or "
                "what it calls, hangs",
            )
        return Answer(True, f"the loop came round {silence:.1f} s ago")

    def ready(self) -> Answer:
        """Whether the worker does its part, as far as it depends on it."""
        self._look()
        if self._draining():
            self._drain = self._drain.now("draining: the batch in hand, then it leaves")
            return Answer(False, str(self._drain))
        if self._joined and self._outage.reason:
            return Answer(False, str(self._outage))
        return Answer(self._joined, str(self._state))

    def _look(self) -> None:
        """With each probe and each fact: an outage that nobody saw the end of would pass for the next one."""
        trouble = self._trouble()
        self._outage = self._outage.now(
            "" if trouble is None else f"the offset store does not answer: {told(trouble)}"
        )

    def _waits_for(self, reason: str) -> None:
        """Not joined, for this reason."""
        self._joined = False
        self._state = self._state.now(reason)


class _Since:
    """A reason, and since when it is one."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        self._at = datetime.now(UTC)

    def now(self, reason: str) -> _Since:
        """The reason as it is now; the time stays while it does."""
        return self if reason == self.reason else _Since(reason)

    def __str__(self) -> str:
        return f"{self.reason} (since {self._at:%Y-%m-%dT%H:%M:%SZ})"
