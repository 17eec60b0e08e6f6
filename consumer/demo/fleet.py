"""The demo's workers: started, watched through what they wrote, one of them killed if that is asked for."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from rich.console import Console
from rich.progress import Progress, TaskID

from consumer.demo.bars import add_bar, bars, move_bar
from consumer.demo.stage import Stage
from consumer.demo.stores import Store
from consumer.errors import ConsumerError, Misconfigured, Transient

#: Seconds without an event applied after which the demo gives up: longer than any lease or session.
_STALLED = 60.0


class DemoFailed(ConsumerError):
    """A command that the demo started failed; its last lines are in the text."""


class _Worker(NamedTuple):
    process: subprocess.Popen[bytes]
    name: str
    log: str
    bar: TaskID


@dataclass
class Fleet:
    """Runs workers until all events are applied.

    `counted` is how many events each worker wrote into the read model with their rows, by its process id.
    """

    stage: Stage
    total: int
    console: Console
    counted: Mapping[int, int] = field(default_factory=dict)
    killed: bool = False
    _workers: list[_Worker] = field(default_factory=list)
    _moved: float = field(default_factory=time.monotonic)

    def run(self, workers: int, *, kill: bool) -> None:
        """Returns when every worker has ended well; with `kill` a stuck one is killed, and replaced.

        Raises `DemoFailed` where one ends badly, or nothing moves any more.
        """
        with bars(self.console, "applied") as progress, self._ended():
            together = add_bar(progress, "together", self.total)
            for _ in range(workers):
                self._start(progress)
            while self._running():
                if kill and not self.killed:
                    self._kill_who_is_stuck(progress)
                self._look(progress, together)
                time.sleep(0.1)
            self._show(_counted(self.stage.store), progress, together)

    def _start(self, progress: Progress) -> None:
        number = len(self._workers) + 1
        name, log = f"worker {number}", f"worker-{number}.log"
        process = self.stage.projections("run", "flights", "--until-caught-up", log=log)
        self._workers.append(_Worker(process, name, log, add_bar(progress, name, self.total)))
        self._moved = time.monotonic()

    def _running(self) -> bool:
        for worker in self._workers:
            code = worker.process.poll()
            if code not in {None, 0} and not (self.killed and code == -signal.SIGKILL):
                said = self.stage.said(worker.log)
                raise DemoFailed(f"{worker.name} ended with exit code {code}:\n{said}")
        return any(worker.process.poll() is None for worker in self._workers)

    def _kill_who_is_stuck(self, progress: Progress) -> None:
        try:
            pid = int(self.stage.stuck.read_text())
        except (FileNotFoundError, ValueError):
            return  # nobody is, or the worker has not written it down yet
        victim = next(worker for worker in self._workers if worker.process.pid == pid)
        victim.process.kill()
        self.killed = True
        progress.console.print(
            f"killed {victim.name}, its rows written and not committed (SIGKILL); another starts",
            style="red",
        )
        self._start(progress)

    def _look(self, progress: Progress, together: TaskID) -> None:
        try:
            counted = _counted(self.stage.store)
        except (Misconfigured, Transient):
            counted = (
                self.counted
            )  # no worker has made the tables yet, or one is just changing them
        if counted == self.counted and time.monotonic() - self._moved > _STALLED:
            said = self.stage.said(self._workers[-1].log)
            raise DemoFailed(f"nothing was applied for {_STALLED:.0f} s:\n{said}")
        self._show(counted, progress, together)

    def _show(self, counted: Mapping[int, int], progress: Progress, together: TaskID) -> None:
        if counted != self.counted:
            self.counted = counted
            self._moved = time.monotonic()
        for worker in self._workers:
            move_bar(progress, worker.bar, counted.get(worker.process.pid, 0))
        move_bar(progress, together, sum(counted.values()))

    @contextmanager
    def _ended(self) -> Iterator[None]:
        """No worker outlives this."""
        try:
            yield
        finally:
            for worker in self._workers:
                if worker.process.poll() is None:
                    worker.process.terminate()
            for worker in self._workers:
                worker.process.wait()


def _counted(store: Store) -> Mapping[int, int]:
    """The events of each worker, as the projector counted them in the transactions of their rows."""
    found = store.rows("SELECT worker, sum(events) FROM counted GROUP BY 1")
    return {int(worker): int(events) for worker, events in found}
