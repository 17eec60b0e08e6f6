"""Events at a steady rate, from a process of its own: `python -m tests.kubernetes.load SETTINGS TOPIC RATE FIRST`.

Each line on its standard input is another rate, in events a second. SIGTERM ends it, or the
end of its standard input, when all that it published is in the log.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from consumer.model.outgoing import Outgoing
from consumer.settings.loading import load as load_settings
from consumer.wiring.brokers import broker

#: Many enough that every partition has some.
SUBJECTS = 64
#: Seconds between two looks at what is due.
_TICK = 0.02


class Load:
    """The process, as a story holds it."""

    def __init__(self, settings: Path, topic: str, rate: float, first: int, log: Path) -> None:
        self._log = log
        self._first = first
        command = [sys.executable, "-m", __name__, str(settings), topic, str(rate), str(first)]
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=output, stderr=output, text=True
            )

    def rate(self, events_a_second: float) -> None:
        """From now on."""
        assert self._process.stdin
        self._process.stdin.write(f"{events_a_second}\n")
        self._process.stdin.flush()

    def stop(self) -> int:
        """Ends it, and returns how many events it published, all of which are in the log."""
        self._process.terminate()
        self._process.wait(60)
        if self._process.stdin:
            self._process.stdin.close()
        assert self._process.returncode == 0, self._log.read_text()
        return int(self._log.read_text().split()[-1]) - self._first

    @property
    def runs(self) -> bool:
        return self._process.poll() is None


def event(number: int) -> Outgoing:
    """The event of this number; its time is now."""
    subject = f"subject-{number % SUBJECTS}"
    attributes = {
        "specversion": "1.0",
        "id": str(number),
        "source": "/stories",
        "type": "linked",
        "subject": subject,
        "time": datetime.now(UTC).isoformat(),
    }
    return Outgoing(subject.encode(), attributes, None)


class _Pace:
    """How many events are due; a new rate counts from when it is said."""

    def __init__(self, rate: float) -> None:
        self.ended = threading.Event()
        self._rate = rate
        self._due = 0.0
        self._at = time.monotonic()
        self._lock = threading.Lock()

    def due(self) -> int:
        with self._lock:
            now = time.monotonic()
            self._due += (now - self._at) * self._rate
            self._at = now
            return int(self._due)

    def follow(self) -> None:
        """What is said on standard input; where that ends, whoever asked for the load is gone."""
        for line in sys.stdin:
            self.due()
            with self._lock:
                self._rate = float(line)
        self.ended.set()


def main(settings: str, topic: str, rate: str, first: str) -> None:
    """Until SIGTERM; the last word printed is the number after the last event's."""
    publisher = broker(load_settings(Path(settings)).source("main")).publisher(topic)
    pace = _Pace(float(rate))
    signal.signal(signal.SIGTERM, lambda *_: pace.ended.set())
    threading.Thread(target=pace.follow, daemon=True).start()
    published = int(first)
    while not pace.ended.wait(_TICK):
        due = int(first) + pace.due()
        for number in range(published, due):
            publisher.send(event(number))
        publisher.flush()
        published = due
    publisher.close()
    sys.stdout.write(f"{published}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
