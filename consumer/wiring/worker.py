"""A worker for a projection of projections.yaml."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from consumer.engine.applying import Applying
from consumer.engine.assignments import Assignments
from consumer.engine.caught_up import CaughtUp
from consumer.engine.decoding import Decoding
from consumer.engine.retrying import Backoff
from consumer.engine.settling import Settling
from consumer.engine.worker import Worker
from consumer.model.start import Start
from consumer.ports.observer import Observer
from consumer.ports.source import Source
from consumer.settings.document import Settings
from consumer.settings.projections import ProjectionSettings
from consumer.wiring.brokers import broker
from consumer.wiring.offsets import offset_store
from consumer.wiring.parts import Parts


@contextmanager
def ready(
    settings: Settings,
    name: str,
    made_of: Parts,
    *,
    observer: Observer,
    until_caught_up: bool = False,
) -> Iterator[Worker]:
    """The worker, and on leaving its connections are closed.

    Entering raises `Misconfigured`, and `Transient` where a server that must be asked at once is out of
    reach: then it can be entered again with the same parts.
    """
    projection = settings.projection(name)
    servers = broker(settings.source(projection.source.from_))
    owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    backoff = Backoff(projection.retry.initial, projection.retry.cap)
    with closing(offset_store(settings.offsets)) as offsets:
        source = servers.source(name, projection, owner=owner)
        assignments = Assignments(
            name,
            offsets,
            owner=owner,
            start=Start.parse(projection.source.start),
            backoff=backoff,
            observer=observer,
        )
        applying = _applying(made_of, projection, assignments, source, backoff, observer)
        finished: Callable[[], bool] = _never
        if until_caught_up:
            with closing(servers.event_log(projection.source.topics, made_of.codec)) as log:
                finished = CaughtUp(name, offsets, log, halted=assignments.halted.keys)
        yield Worker(
            source,
            assignments,
            applying,
            owner=owner,
            backoff=backoff,
            observer=observer,
            finished=finished,
        )


def _applying(
    made_of: Parts,
    projection: ProjectionSettings,
    assignments: Assignments,
    source: Source,
    backoff: Backoff,
    observer: Observer,
) -> Applying:
    skip_poison = projection.on_undecodable == "skip"
    decoding = Decoding(
        made_of.codec,
        made_of.upcasting,
        made_of.projector.handles,
        skip_poison=skip_poison,
        observer=observer,
    )
    settling = Settling(
        made_of.projector,
        loop=made_of.loop,
        transient=made_of.transient,
        skip_poison=skip_poison,
        observer=observer,
    )
    return Applying(
        assignments,
        decoding,
        settling,
        owns=source.owns,
        mirror=source.mirror,
        backoff=backoff,
        observer=observer,
    )


def _never() -> bool:
    return False
