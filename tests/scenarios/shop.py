"""A folder as an operator has one: settings, a projector, and the commands that are run in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SETTINGS = """
offsets: {{redis: {{url: "{redis}", prefix: "{prefix}"}}}}
sources:
  main: {{redis: {{url: "{redis}", streams: 4, lease_seconds: 2, prefix: "{prefix}"}}}}
projections:
  orders:
    projector: shop:Orders
    source: {{from: main, topics: ["{prefix}-orders"]}}
    batch_size: 10
    drain_seconds: 1
"""

#: Writes down what it applied. As long as a file `hold` is there it waits in `apply`, and as long as
#: a file `fail` is there it raises.
PROJECTOR = """
import time
from pathlib import Path

class Orders:
    name = "orders"
    handles = None

    def apply(self, batch):
        while Path("hold").exists():
            Path("held").touch()
            time.sleep(0.01)
        if Path("fail").exists():
            raise KeyError("jane@example.com")
        with open("applied", "a") as applied:
            applied.write("".join(f"{event.id}\\n" for event in batch))
"""


@dataclass(frozen=True)
class Shop:
    """The folder."""

    folder: Path
    topic: str

    @staticmethod
    def at(folder: Path, *, redis: str, prefix: str) -> Shop:
        """Makes it, for checkpoints and streams under `prefix` in a Redis."""
        (folder / "projections.yaml").write_text(SETTINGS.format(redis=redis, prefix=prefix))
        (folder / "shop.py").write_text(PROJECTOR)
        return Shop(folder, f"{prefix}-orders")

    def projections(self, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """Runs the command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "consumer", *words],
            cwd=self.folder,
            env=self._environment(),
            input=given,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @contextmanager
    def running(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        """The command, which is killed in the end if it still runs then."""
        with subprocess.Popen(
            [sys.executable, "-m", "consumer", *words],
            cwd=self.folder,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def publish(self, ids: Iterable[int]) -> None:
        """Publishes events with these ids, of a few aggregates."""
        lines = (
            json.dumps({"id": str(n), "type": "OrderPlaced", "subject": f"order-{n % 7}"})
            for n in ids
        )
        done = self.projections(
            "publish", self.topic, "--source", "main", "--file", "-", given="\n".join(lines)
        )
        assert done.returncode == 0, done.stderr

    @property
    def applied(self) -> Counter[str]:
        """The ids of the events that were applied, each as often as it was."""
        path = self.folder / "applied"
        return Counter(path.read_text().split()) if path.exists() else Counter()

    def _environment(self) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if "PROJECTIONS_" not in name}
        return own | {"PYTHONPATH": str(Path(__file__).parents[2])}


def wait_until(condition: Callable[[], Any], *, seconds: float = 30) -> None:
    """Returns once the condition holds; fails if it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came to pass"
        time.sleep(0.02)


def facts(log: str) -> list[dict[str, Any]]:
    """The lines of a JSON log."""
    return [json.loads(line) for line in log.splitlines() if line.startswith("{")]
