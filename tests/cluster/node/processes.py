"""Processes that outlive the command that started them, until another command stops them."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path


class Processes:
    """The processes of a node: of each, its log and what tells it from every other, in files of `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def start(
        self, name: str, command: Sequence[str | Path], env: Mapping[str, str] | None = None
    ) -> None:
        """Starts it in a session of its own, where no Ctrl-C of a terminal reaches it."""
        with self.log(name).open("ab") as out:
            process = subprocess.Popen(
                [str(word) for word in command],
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        mark = self._folder / f"{time.time_ns()}-{name}.pid"
        mark.write_text(f"{process.pid} {_born(process.pid)}")

    def log(self, name: str) -> Path:
        """What it said, on both of its outputs."""
        return self._folder / f"{name}.log"

    def ended(self) -> list[str]:
        """The names of those that should run and do not."""
        return [_name(mark) for mark in self._marks() if not _runs(mark)]

    def stop_all(self) -> None:
        """Stops them in the reverse order of their start: asks, and after ten seconds insists."""
        for mark in reversed(self._marks()):
            self._stop(mark)

    def stop(self, name: str) -> None:
        """Stops that one."""
        for mark in self._marks():
            if _name(mark) == name:
                self._stop(mark)

    def _marks(self) -> list[Path]:
        return sorted(self._folder.glob("*.pid"))

    def _stop(self, mark: Path) -> None:
        for sent in (signal.SIGTERM, signal.SIGKILL):
            if _runs(mark):
                os.killpg(int(mark.read_text().split()[0]), sent)
            until = time.monotonic() + 10
            while _runs(mark) and time.monotonic() < until:
                time.sleep(0.02)
        mark.unlink()


def _name(mark: Path) -> str:
    return mark.stem.partition("-")[2]


def _runs(mark: Path) -> bool:
    """Whether it still runs: a process of the same number that was born at another time is a stranger."""
    pid, born = mark.read_text().split()
    return _born(int(pid)) == born


def _born(pid: int) -> str | None:
    """When it started, in ticks since the machine did; None where there is none, or only its remains."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if state == "Z" else fields[18]
