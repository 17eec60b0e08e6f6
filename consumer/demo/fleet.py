"""The demo's workers: started, watched through what they wrote, one of them killed if that is asked for."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from rich.console import Console
from rich.progress import Progress, TaskID

from consumer.demo.bars import add_bar, bars, move_bar
from consumer.demo.stage import Stage
from consumer.errors import ConsumerError

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

    `applied` counts the events that each worker applied, by its process id, repeats included.
    """

    stage: Stage
    total: int
    console: Console
    applied: Mapping[int, int] = field(default_factory=dict)
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
            self._look(progress, together)

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
            f"killed {victim.name} between an apply and its commit (SIGKILL); another starts",
            style="red",
        )
        self._start(progress)

    def _look(self, progress: Progress, together: TaskID) -> None:
        applied = _applied(self.stage)
        if applied != self.applied:
            self.applied = applied
            self._moved = time.monotonic()
        elif time.monotonic() - self._moved > _STALLED:
            said = self.stage.said(self._workers[-1].log)
            raise DemoFailed(f"nothing was applied for {_STALLED:.0f} s:\n{said}")
        for worker in self._workers:
            move_bar(progress, worker.bar, applied.get(worker.process.pid, 0))
        move_bar(progress, together, sum(applied.values()))

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


def _applied(stage: Stage) -> Mapping[int, int]:
    """The events applied so far by each worker, as the projector counted them in the read model."""
    address = f"file:{stage.read_model}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True)) as read_model:
            return dict(read_model.execute("SELECT worker, sum(events) FROM applied GROUP BY 1"))
    except sqlite3.OperationalError:
        return {}  # no worker has made the tables yet, or one is just changing them
