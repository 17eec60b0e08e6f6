"""A worker for a projection of projections.yaml."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from typing import cast

import msgspec

from consumer.engine.applying import Applying
from consumer.engine.assignments import Assignments
from consumer.engine.attending import Attending
from consumer.engine.caught_up import CaughtUp
from consumer.engine.decoding import Decoding
from consumer.engine.elsewhere import Elsewhere
from consumer.engine.guarding import Guarding
from consumer.engine.limiting import Limit
from consumer.engine.measuring import Measuring
from consumer.engine.retrying import Backoff
from consumer.engine.settling import Settling
from consumer.engine.transacting import Transacting, transacting
from consumer.engine.worker import Worker
from consumer.model.causes import told
from consumer.model.event import Batch
from consumer.model.position import Partition
from consumer.model.start import Start
from consumer.ports.observer import Observer
from consumer.ports.projector import AnyProjector
from consumer.ports.source import Source
from consumer.settings.document import Settings
from consumer.settings.projections import ProjectionSettings
from consumer.wiring.brokers import broker
from consumer.wiring.guarding import guarding
from consumer.wiring.offsets import offset_store, presence
from consumer.wiring.parts import Parts
from consumer.wiring.read_models import read_model
from consumer.wiring.watching import Watch


class Ready(msgspec.Struct, frozen=True):
    """A worker with all its parts, to be run."""

    worker: Worker
    #: None where the run goes on for ever.
    caught_up: CaughtUp | None

    @property
    def halted(self) -> Mapping[Partition, str]:
        """After the run: the partitions that stand still, here or in another worker, each with the reason."""
        elsewhere = self.caught_up.halted_elsewhere if self.caught_up else {}
        here = {partition: told(cause) for partition, cause in self.worker.halted.items()}
        return {**elsewhere, **here}


@contextmanager
def ready(
    settings: Settings,
    name: str,
    made_of: Parts,
    *,
    watch: Watch,
    exceeded: Callable[[Batch], None],
    until_caught_up: bool = False,
) -> Iterator[Ready]:
    """The worker, and on leaving its connections are closed. `exceeded` is as `Limit` takes it.

    Entering raises `Misconfigured`, and `Transient` where a server that must be asked at once is out of
    reach: then it can be entered again with the same parts.
    """
    projection = settings.projection(name)
    servers = broker(settings.source(projection.source.from_))
    topics, codec = projection.source.topics, made_of.codec
    owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    backoff = Backoff(projection.retry.initial, projection.retry.cap)
    with ExitStack() as afterwards:
        offsets = afterwards.enter_context(closing(offset_store(settings.offsets)))
        guard = guarding(name, projection, watch.observer)
        inside = _transacting(made_of, projection, guard, servers.session_seconds, afterwards)
        source = servers.source(name, projection, owner=owner)
        assignments = Assignments(
            name,
            offsets,
            transacting=inside,
            owner=owner,
            start=Start.parse(projection.source.start),
            backoff=backoff,
            observer=watch.observer,
        )
        limit = afterwards.enter_context(closing(Limit(projection.apply_seconds, exceeded)))
        applying = _applying(
            made_of, inside, projection, assignments, source, limit, backoff, watch.observer
        )
        leases = afterwards.enter_context(closing(presence(settings.offsets)))
        caught_up: CaughtUp | None = None
        if until_caught_up:
            elsewhere = Elsewhere(leases, owner=owner, joined=source.joined)
            halted = assignments.halted.keys
            with closing(servers.event_log(topics, codec)) as log:
                caught_up = CaughtUp(name, offsets, log, halted=halted, elsewhere=elsewhere)
        worker = Worker(
            source,
            assignments,
            applying,
            owner=owner,
            backoff=backoff,
            observer=watch.observer,
            finished=caught_up or _never,
        )
        attending = afterwards.enter_context(Attending(leases, owner))
        if watch.health is not None:
            log = afterwards.enter_context(closing(servers.event_log(topics, codec)))
            every = projection.lag_seconds
            checkpoints = assignments.checkpoints
            afterwards.enter_context(
                Measuring(log, checkpoints, every=every, observer=watch.observer)
            )
            watch.health.watch(worker.silence, lambda: attending.trouble)
        yield Ready(worker, caught_up)


def _transacting(
    made_of: Parts,
    projection: ProjectionSettings,
    guard: Guarding | None,
    seconds: float,
    afterwards: ExitStack,
) -> Transacting | None:
    if projection.read_model is None:
        return transacting(made_of.projector, None)
    rows = afterwards.enter_context(closing(read_model(projection.read_model, seconds=seconds)))
    return transacting(made_of.projector, rows, guard)


def _applying(
    made_of: Parts,
    inside: Transacting | None,
    projection: ProjectionSettings,
    assignments: Assignments,
    source: Source,
    limit: Limit,
    backoff: Backoff,
    observer: Observer,
) -> Applying:
    skip_poison = projection.on_undecodable == "skip"
    decoding = Decoding(
        made_of.codec,
        made_of.upcasting,
        made_of.projector.handles,
        skip_poison=skip_poison,
        keeps_others=inside is not None and inside.is_guarded,
        observer=observer,
    )
    settling = Settling(
        inside or cast(AnyProjector, made_of.projector),
        loop=made_of.loop,
        in_transactions=inside is not None,
        transient=made_of.transient,
        skip_poison=skip_poison,
        limit=limit,
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
