"""Who listens to a worker: its log, and where the settings say `http`, its metrics and probes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import msgspec

from consumer.model.facts import Fact
from consumer.ports.observer import Observer
from consumer.settings.document import Settings
from consumer.telemetry.counting import Counting
from consumer.telemetry.health import Health
from consumer.telemetry.http import Http
from consumer.telemetry.logs import Logs, listening
from consumer.telemetry.metrics import ProjectionMetrics

#: Seconds that the loop may be silent beyond what an apply may take, before the probe says that it hangs: no
#: call of ours to a server takes longer.
_BEYOND_AN_APPLY = 30.0
#: The label `service` of all metrics.
_SERVICE = "projections"


class Watch(msgspec.Struct, frozen=True):
    """The observer of a worker, and what answers its probes; None where nothing is served."""

    observer: Observer
    health: Health | None = None


@contextmanager
def watching(settings: Settings, name: str, draining: Callable[[], bool]) -> Iterator[Watch]:
    """Serves metrics and probes until it is left. Raises `Misconfigured` where the port cannot be had."""
    logs = Logs(name)
    if settings.http is None:
        yield Watch(logs)
        return
    metrics = ProjectionMetrics(_SERVICE)
    limit = settings.projection(name).apply_seconds + _BEYOND_AN_APPLY
    health = Health(limit, draining)
    http = Http(settings.http.host, settings.http.port, metrics.registry, health)
    with closing(http):
        listening(name, settings.http.host, http.port)
        yield Watch(_Together(logs, Counting(metrics, name), health), health)


class _Together:
    """Several observers as one."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def happened(self, fact: Fact) -> None:
        """Tells each of them, in order."""
        for observer in self._observers:
            observer.happened(fact)
