"""Our worker, as `projections run` wires it, with the projector `fold`."""

from __future__ import annotations

import gc
import json
import resource
import sys
import time
from pathlib import Path

from benchmarks.fold import fold
from consumer.engine.worker import Worker
from consumer.model.event import Batch
from consumer.model.facts import Applied, Fact
from consumer.settings.document import Settings
from consumer.wiring.parts import parts
from consumer.wiring.watching import Watch
from consumer.wiring.worker import ready

#: Events between two looks at the memory.
_LOOK = 100_000


class Clock:
    """The observer: takes the time from the first batch in hand to the last commit, then stops."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.events = 0
        self.began = self.ended = 0.0
        self.megabytes: list[float] = []
        self.worker: Worker | None = None

    def happened(self, fact: Fact) -> None:
        """As `Observer.happened`."""
        if not isinstance(fact, Applied):
            return
        self.began = self.began or time.perf_counter() - fact.seconds
        self.events += fact.events
        if self.events // _LOOK > len(self.megabytes):
            self.megabytes.append(resident_megabytes())
        if self.events >= self.count and self.worker:
            self.ended = time.perf_counter()
            self.worker.stop()


def resident_megabytes() -> float:
    """What the process holds now; where the system does not tell, the most that it ever held."""
    pages = Path("/proc/self/statm")
    if pages.exists():
        return int(pages.read_text().split()[1]) * resource.getpagesize() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # macOS counts bytes


def main(settings: Settings, name: str, count: int) -> None:
    clock = Clock(count)
    projection = settings.projection(name)
    made_of = parts(name, projection, settings.source(projection.source.from_))
    with ready(settings, name, made_of, watch=Watch(clock), exceeded=_overdue) as made:
        clock.worker = made.worker
        gc.collect()
        gc.freeze()  # as `projections run` does
        made.worker.run()
    print(
        json.dumps(
            {
                "events": clock.events,
                "checksum": fold.checksum,
                "seconds": clock.ended - clock.began,
                "megabytes": clock.megabytes,
            }
        )
    )


def _overdue(batch: Batch) -> None:
    raise AssertionError(f"{batch.partition} took too long")


if __name__ == "__main__":
    main(Settings(**json.loads(sys.argv[1])), sys.argv[2], int(sys.argv[3]))
