"""`projections`, with something in the way of the nth step of a reset that changes anything.

python -m tests.scenarios.in_the_way kill 3 ...       it is killed before that step
python -m tests.scenarios.in_the_way wait FILE ...    before the first move it waits, while the file is there
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from consumer.cli.program import run_program
from consumer.engine import resetting as engine
from consumer.wiring import resetting

#: What changes anything: of the audit, of the offset store, of the broker's own group.
STEPS = {"record", "claim", "move", "note", "release", "show"}


class Watched:
    """A store that says before each step what it is."""

    def __init__(self, store: Any, before: Any) -> None:
        self._store = store
        self._before = before

    def __getattr__(self, name: str) -> Any:
        if name in STEPS:
            self._before(name)
        return getattr(self._store, name)


class Killed:
    """Ends the process without a word before its nth step."""

    def __init__(self, step: int) -> None:
        self._left = step

    def __call__(self, name: str) -> None:
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self._left -= 1


class Waiting:
    """Stands before a move for as long as a file is there, and says so with another."""

    def __init__(self, gate: Path) -> None:
        self._gate = gate

    def __call__(self, name: str) -> None:
        while name == "move" and self._gate.exists():
            self._gate.with_suffix(".reached").touch()
            time.sleep(0.01)


def main() -> None:
    deed, argument, *words = sys.argv[1:]
    if deed == "kill":
        engine.LEASE_SECONDS = 0.5  # type: ignore[attr-defined]  # so that nobody need wait for long till it counts as gone
    before = Killed(int(argument)) if deed == "kill" else Waiting(Path(argument))
    for name in ("offset_store", "audit"):
        made: Any = getattr(resetting, name)
        setattr(
            resetting, name, lambda *given, made=made, **more: Watched(made(*given, **more), before)
        )
    desk_mirror = resetting.Desk.mirror

    def mirror(desk: resetting.Desk, plan: Any) -> str:
        before("show")
        return desk_mirror(desk, plan)

    resetting.Desk.mirror = mirror  # type: ignore[assignment,method-assign]
    sys.argv = ["projections", *words]
    run_program()


if __name__ == "__main__":
    main()
