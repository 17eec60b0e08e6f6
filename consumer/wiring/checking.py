"""What can be found wrong without running anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial

import msgspec

from consumer.adapters.codecs.cloudevents import CloudEvents
from consumer.errors import ConsumerError, Misconfigured
from consumer.settings.document import Settings
from consumer.settings.projections import ProjectionSettings
from consumer.wiring.brokers import broker
from consumer.wiring.offsets import kind, offset_store
from consumer.wiring.parts import parts
from consumer.wiring.read_models import reach
from consumer.wiring.schema_registry import reach as reach_registry
from consumer.wiring.shared_tables import TableOwners

#: Servers that are asked at once. One that is away takes seconds to tell from one that is slow.
_AT_ONCE = 16

#: What is looked at, and a look at it, which says what is there or raises.
Look = tuple[str, Callable[[], str]]


class Finding(msgspec.Struct, frozen=True):
    """What a look at one part of the settings found."""

    is_problem: bool
    #: One that says what is there, or one for each problem.
    lines: Sequence[str]


def findings(settings: Settings, *, offline: bool) -> list[Finding]:
    """Looks at everything that the settings name, in their order; without a connection if `offline`."""
    found = [_finding(look) for look in _local_looks(settings)]
    if offline:
        return found
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        return [*found, *threads.map(_finding, _remote_looks(settings))]


def _local_looks(settings: Settings) -> Iterator[Look]:
    for name in settings.sources:
        yield f"sources.{name}", partial(_source, settings, name)
    owners = TableOwners()
    for name in settings.projections:
        yield f"projections.{name}", partial(_imports, settings, owners, name)


def _remote_looks(settings: Settings) -> Iterator[Look]:
    yield "offsets", partial(_offsets, settings)
    read = {projection.source.from_ for projection in settings.projections.values()}
    for name in settings.sources:
        if name not in read:  # the others are asked for their topics
            yield f"sources.{name}", partial(_reach, settings, name)
        yield from _registries(settings, name)
    for name, projection in settings.projections.items():
        yield f"projections.{name}.source", partial(_topics, settings, projection)
        if projection.read_model is not None:
            yield f"projections.{name}.read_model", partial(reach, projection.read_model)


def _finding(look: Look) -> Finding:
    place, there = look
    try:
        return Finding(is_problem=False, lines=[f"{place}: {there()}"])
    except ConsumerError as cause:
        lines = [line.strip() for line in str(cause).splitlines()]
        # What several parts of a place are made of says itself which of them is wrong.
        named = [line if line.startswith(place) else f"{place}: {line}" for line in lines]
        return Finding(is_problem=True, lines=named)


def _source(settings: Settings, name: str) -> str:
    source = settings.source(name)
    if wrong := broker(source).problems():
        raise Misconfigured("\n".join(wrong))
    return "Kafka" if source.kafka else "Redis Streams"


def _imports(settings: Settings, owners: TableOwners, name: str) -> str:
    projection = settings.projection(name)
    made_of = parts(name, projection, settings.source(projection.source.from_))
    handles = made_of.projector.handles
    made_of.close()
    owners.take(name, made_of.projector, projection.read_model)
    types = "every type of event" if handles is None else ", ".join(sorted(handles))
    return f"{projection.projector} handles {types}"


def _offsets(settings: Settings) -> str:
    with closing(offset_store(settings.offsets, make=False)) as store:
        known = len(store.list_projections())
    return f"{kind(settings.offsets)} holds those of {known} projections"


def _reach(settings: Settings, name: str) -> str:
    broker(settings.source(name)).reach()
    return "it answers"


def _registries(settings: Settings, name: str) -> Iterator[Look]:
    kafka = settings.source(name).kafka
    if kafka is not None and kafka.schema_registry is not None:
        yield (
            f"sources.{name}.kafka.schema_registry",
            partial(reach_registry, kafka.schema_registry),
        )


def _topics(settings: Settings, projection: ProjectionSettings) -> str:
    read = projection.source
    servers = broker(settings.source(read.from_))
    with closing(servers.event_log(read.topics, CloudEvents())) as log:  # nothing is decoded
        return f"{', '.join(read.topics)} on {read.from_}, {len(log.partitions())} partitions"
