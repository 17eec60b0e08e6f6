"""What a story can do whichever broker it is told on, and the disturbances that are the same on both."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

from tests.fleet import Fleet, eventually
from tests.ledger import AFTER_APPLY, BEFORE_APPLY


class Telling(ABC):
    """Events on a topic, and a fleet that reads it."""

    fleet: Fleet

    @abstractmethod
    def publish(self, count: int) -> None:
        """Events of 97 keys, and what is in the log is expected to be applied."""

    @contextmanager
    def publishing(self, a_second: int) -> Iterator[None]:
        """Publishes in the background for as long as the block takes."""
        ended = threading.Event()

        def flow() -> None:
            while not ended.wait(0.05):
                self.publish(max(1, a_second // 20))

        thread = threading.Thread(target=flow, name="publishing", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join(60)


def a_worker_is_killed_before_an_apply_and_another_before_its_commit(story: Telling) -> None:
    fleet = story.fleet
    story.publish(500)
    for place in (BEFORE_APPLY, AFTER_APPLY):
        fleet.hold(place)
        worker = fleet.spawn()
        eventually(lambda worker=worker: fleet.held(worker), f"held at {place}")
        worker.kill()
        fleet.let_go()
    fleet.spawn()


def one_four_and_two_workers(story: Telling, *, seconds_an_apply: float = 0.0) -> None:
    fleet = story.fleet
    with story.publishing(300):
        workers = [fleet.spawn(seconds_an_apply=seconds_an_apply)]
        eventually(lambda: fleet.applied() > 50, "one applies")
        workers += [fleet.spawn(seconds_an_apply=seconds_an_apply) for _ in range(3)]
        everybody = {worker.pid for worker in workers}
        eventually(lambda: fleet.workers_that_applied() == everybody, "all four apply")
        for worker in workers[:2]:
            worker.terminate()
        for worker in workers[:2]:
            worker.ended()
        seq = fleet.last_seq()
        rest = {worker.pid for worker in workers[2:]}
        eventually(lambda: fleet.workers_that_applied(seq) == rest, "the other two go on")
    eventually(fleet.everything_is_applied, "everything is applied")
    eventually(fleet.everything_is_committed, "everything is committed")
