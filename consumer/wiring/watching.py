"""Who listens to a worker: its log, and where the settings say `http`, its metrics and probes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from consumer.model.facts import Fact
from consumer.ports.observer import Observer
from consumer.settings.document import Settings
from consumer.telemetry.logs import Logs


class Watch:
    """The observer of a worker, and the probes that want to know of it."""

    def __init__(self, observer: Observer, health: None = None) -> None:
        self.observer = observer
        #: None where nothing is served.
        self.health = health


@contextmanager
def watching(settings: Settings, name: str, draining: Callable[[], bool]) -> Iterator[Watch]:
    """Serves until it is left. Raises `Misconfigured` where the port cannot be had."""
    yield Watch(Logs(name))


class Together:
    """Several observers as one."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = observers

    def happened(self, fact: Fact) -> None:
        """Tells each of them, in order."""
        for observer in self._observers:
            observer.happened(fact)
