"""START HERE: the loop of a worker, in three lifetimes: a membership, a poll, a batch."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from consumer.engine.applying import Applying
from consumer.engine.assignments import Assignments
from consumer.engine.retrying import Backoff
from consumer.errors import Fenced, SourceFailed
from consumer.model.facts import Joined, Left, Rejoining, Started, Stopped
from consumer.model.position import Partition
from consumer.ports.observer import Observer
from consumer.ports.source import Source

#: Seconds that a poll waits for a first record, and so the longest that `stop` goes unnoticed while idle.
_LONGEST_WAIT = 0.2


class Worker:
    """One process's share of a projection: polls, projects, and survives what can be survived.

    One thread does the whole path, without a lock; a fleet scales by more workers.
    """

    def __init__(
        self,
        source: Source,
        assignments: Assignments,
        applying: Applying,
        *,
        owner: str,
        backoff: Backoff,
        observer: Observer,
        finished: Callable[[], bool] = lambda: False,
    ) -> None:
        self._source = source
        self._assignments = assignments
        self._applying = applying
        self._owner = owner
        self._backoff = backoff
        self._observer = observer
        #: Asked after each turn; True ends the run.
        self._finished = finished
        self._stopping = threading.Event()
        self._rejoins = 0
        self._is_joined = False
        self._alive_at = time.monotonic()
        #: The partitions that stood still when the last membership ended, each with the reason.
        self.halted: Mapping[Partition, Exception] = {}

    def stop(self) -> None:
        """Asks `run` to finish the batch in hand, commit it, leave and return.

        May be called from any thread, and from a signal handler.
        """
        self._stopping.set()

    def silence(self) -> float:
        """Seconds since the loop last came round: a batch, or an idle poll. For any thread."""
        return time.monotonic() - self._alive_at

    def run(self) -> None:
        """Works until it is stopped, or `finished`; raises `Misconfigured` where a person must act."""
        self._observer.happened(Started(self._owner))
        while not self._stopping.is_set():
            cause = None
            try:
                self._source.open(self._assignments)
                self._consume()
            except (Fenced, SourceFailed) as left:
                cause = left
            finally:
                self._leave()
            if cause is not None:
                self._pause(cause)
        self._observer.happened(Stopped())

    def _consume(self) -> None:
        while not self._stopping.is_set():
            self.turn()
            if self._finished():
                self._stopping.set()

    def turn(self) -> None:
        """One poll, and what it brought; `run` takes one after the other."""
        self._alive_at = time.monotonic()
        self._assignments.confirm()
        self._applying.retry()
        wait = self._applying.wait(_LONGEST_WAIT)
        for fetched in self._source.poll(self._applying.paused(), wait):
            if not self._is_joined:
                self._look_at_membership()
            self._applying.project(fetched)
            self._alive_at = time.monotonic()
            self._rejoins = 0
            if self._stopping.is_set():
                return
        self._look_at_membership()

    def _look_at_membership(self) -> None:
        is_joined = self._source.joined()
        if is_joined != self._is_joined:
            self._is_joined = is_joined
            self._observer.happened(Joined() if is_joined else Left())

    def _leave(self) -> None:
        self.halted = dict(self._assignments.halted)
        self._source.close()
        self._is_joined = False

    def _pause(self, cause: Exception) -> None:
        self._rejoins += 1
        delay = self._backoff.delay(self._rejoins)
        self._alive_at = time.monotonic()
        self._observer.happened(Rejoining(delay, cause))
        self._stopping.wait(delay)
