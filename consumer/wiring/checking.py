"""What can be found wrong without running anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from consumer.errors import ConsumerError, Misconfigured
from consumer.settings.document import Settings
from consumer.settings.projections import ProjectionSettings
from consumer.wiring.brokers import broker
from consumer.wiring.codecs import codec
from consumer.wiring.offsets import offset_store
from consumer.wiring.parts import parts


@dataclass(frozen=True)
class Checked:
    """What a check found, a line each, in the order of the settings."""

    fine: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def attempt(self, place: str, look: Callable[[], str]) -> None:
        """Notes what `look` says, or what it raises."""
        try:
            self.fine.append(f"{place}: {look()}")
        except ConsumerError as cause:
            lines = [line.strip() for line in str(cause).splitlines()]
            # What is wrong with several parts of a place says itself with which.
            self.problems.extend(
                line if line.startswith(place) else f"{place}: {line}" for line in lines
            )


def checked(settings: Settings, *, offline: bool) -> Checked:
    """Looks at everything that the settings name; without a connection if `offline`."""
    found = Checked()
    for name in settings.sources:
        found.attempt(f"sources.{name}", partial(_source, settings, name))
    for name, projection in settings.projections.items():
        found.attempt(f"projections.{name}", partial(_imports, name, projection))
    if not offline:
        found.attempt("offsets", partial(_offsets, settings))
        for name, projection in settings.projections.items():
            found.attempt(f"projections.{name}.source", partial(_topics, settings, projection))
    return found


def _source(settings: Settings, name: str) -> str:
    source = settings.source(name)
    if wrong := broker(source).problems():
        raise Misconfigured("\n".join(wrong))
    return "Kafka" if source.kafka else "Redis Streams"


def _imports(name: str, projection: ProjectionSettings) -> str:
    made_of = parts(name, projection)
    handles = made_of.projector.handles
    made_of.projector.close()
    types = "every type of event" if handles is None else ", ".join(sorted(handles))
    return f"{projection.projector} handles {types}"


def _offsets(settings: Settings) -> str:
    store = offset_store(settings.offsets)
    try:
        known = len(store.list_projections())
    finally:
        store.close()
    return f"{'Redis' if settings.offsets.redis else 'SQLite'} holds those of {known} projections"


def _topics(settings: Settings, projection: ProjectionSettings) -> str:
    read = projection.source
    servers = broker(settings.source(read.from_))
    log = servers.event_log(read.topics, codec("cloudevents"))  # nothing is decoded
    return f"{', '.join(read.topics)} on {read.from_}, {len(log.partitions())} partitions"
