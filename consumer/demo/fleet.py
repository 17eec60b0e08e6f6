"""The demo's workers: started, watched through what they wrote, one of them killed if that is asked for."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import Progress, TaskID

from consumer.demo.bars import add_bar, bars, move_bar
from consumer.demo.stage import Stage
from consumer.errors import ConsumerError

#: Seconds without an event applied after which the demo gives up: longer than any lease or session.
_STALLED = 60.0


class DemoFailed(ConsumerError):
    """A command that the demo started failed; its last lines are in the text."""


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
    _workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def run(self, workers: int, *, kill: bool) -> None:
        """Returns when every worker has ended well; with `kill` a stuck one is killed, and replaced."""
        with self._progress() as (progress, whole), self._ended():
            tasks: dict[int, TaskID] = {}
            for _ in range(workers):
                self._start(progress, tasks)
            while self._running():
                if kill and not self.killed and (victim := self._stuck()):
                    os.kill(victim, signal.SIGKILL)
                    self.killed = True
                    progress.console.print(
                        f"[red]killed worker {list(tasks).index(victim) + 1} (SIGKILL) between an apply "
                        "and its commit[/]; another takes its place"
                    )
                    self._start(progress, tasks)
                self._look(progress, tasks, whole)
                time.sleep(0.1)
            self._look(progress, tasks, whole)

    def _start(self, progress: Progress, tasks: dict[int, TaskID]) -> None:
        number = len(self._workers) + 1
        worker = self.stage.projections(
            "run", "flights", "--until-caught-up", log=f"worker-{number}.log"
        )
        self._workers.append(worker)
        tasks[worker.pid] = add_bar(progress, f"worker {number}", self.total)

    def _running(self) -> bool:
        """Whether any worker still runs; raises `DemoFailed` if one ended badly."""
        for number, worker in enumerate(self._workers, start=1):
            code = worker.poll()
            if code not in {None, 0} and not (self.killed and code == -signal.SIGKILL):
                said = self.stage.said(f"worker-{number}.log")
                raise DemoFailed(f"worker {number} ended with exit code {code}:\n{said}")
        return any(worker.poll() is None for worker in self._workers)

    def _stuck(self) -> int | None:
        try:
            return int(self.stage.stuck.read_text())
        except (FileNotFoundError, ValueError):
            return None

    def _look(self, progress: Progress, tasks: Mapping[int, TaskID], whole: TaskID) -> None:
        applied = _applied(self.stage)
        if applied != self.applied:
            self.applied = applied
            self._moved = time.monotonic()
        elif time.monotonic() - self._moved > _STALLED and sum(applied.values()) < self.total:
            said = self.stage.said(f"worker-{len(self._workers)}.log")
            raise DemoFailed(
                f"no event was applied for {_STALLED:.0f} s; a worker's last words:\n{said}"
            )
        for pid, task in tasks.items():
            move_bar(progress, task, applied.get(pid, 0))
        move_bar(progress, whole, sum(applied.values()))

    @contextmanager
    def _progress(self) -> Iterator[tuple[Progress, TaskID]]:
        self._moved = time.monotonic()
        with bars(self.console, "applied") as progress:
            yield progress, add_bar(progress, "together", self.total)

    @contextmanager
    def _ended(self) -> Iterator[None]:
        """No worker outlives this."""
        try:
            yield
        finally:
            for worker in self._workers:
                if worker.poll() is None:
                    worker.terminate()
            for worker in self._workers:
                worker.wait()


def _applied(stage: Stage) -> Mapping[int, int]:
    """The events applied so far by each worker, as the projector counted them in the read model."""
    address = f"file:{stage.read_model}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True)) as read_model:
            return dict(read_model.execute("SELECT worker, sum(events) FROM applied GROUP BY 1"))
    except sqlite3.OperationalError:
        return {}  # no worker has made the tables yet, or one is just changing them
