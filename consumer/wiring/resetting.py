"""A reset of the offsets of a projection of projections.yaml."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Collection, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import cast

import msgspec

from consumer.engine.awaiting import Loop
from consumer.engine.plan import Plan
from consumer.engine.planning import planned
from consumer.engine.rebuilding import InReadModel
from consumer.engine.resetting import Outcome, carried_out
from consumer.engine.rows import UNTOUCHED, EmptiedByProjector, Rows
from consumer.engine.standing import booked, viewed
from consumer.engine.targets import Target
from consumer.engine.transacting import refuse_mismatch, transacting
from consumer.errors import ConsumerError
from consumer.model.causes import told
from consumer.model.position import Partition
from consumer.ports.audit import Audit
from consumer.ports.event_log import EventLog
from consumer.ports.offset_store import OffsetStore
from consumer.ports.presence import Presence
from consumer.ports.projector import AnyProjector, Closes, Resets
from consumer.ports.read_model import ReadModel
from consumer.settings.document import Settings
from consumer.settings.projections import ProjectionSettings
from consumer.settings.read_models import ReadModelSettings
from consumer.wiring.brokers import Broker, broker
from consumer.wiring.guarding import guarding
from consumer.wiring.offsets import audit, offset_store, presence
from consumer.wiring.projectors import projector
from consumer.wiring.read_models import read_model
from consumer.wiring.standing import Unread


class Desk(msgspec.Struct, frozen=True):
    """What a reset of one projection needs. Its methods raise as the engine's parts do."""

    projection: str
    settings: ProjectionSettings
    offsets: OffsetStore
    presence: Presence
    audit: Audit
    log: EventLog
    broker: Broker
    rows: Rows

    def plan(self, target: Target, *, words: str, only: Collection[Partition]) -> Plan:
        """What will be done; nothing is."""
        book = booked(self.projection, self.offsets, self.presence)
        view = viewed(self.log)
        return planned(book, view, self.log, target, words=words, only=only, rows=self.rows)

    def carry_out(self, plan: Plan) -> Outcome:
        """Does it, unless workers came meanwhile."""
        return carried_out(
            plan, self.offsets, self.presence, self.audit, by=_operator(), rows=self.rows
        )

    def mirror(self, plan: Plan) -> str:
        """Shows the broker's own group where the projection stands now; why not, or ""."""
        if not self.settings.source.mirror:
            return ""
        try:
            with closing(self.broker.mirror(self.projection, self.settings)) as mirror:
                read = set(self.log.partitions())
                mirror.show({m.partition: m.after for m in plan.moves if m.partition in read})
        except ConsumerError as cause:
            return told(cause)
        return ""


@contextmanager
def desk(
    settings: Settings, name: str, *, make: bool = True, from_beginning: bool = False
) -> Iterator[Desk]:
    """Opens everything; raises `Misconfigured`, and `Transient` where a server is out of reach.

    Who only plans does not `make` the file of a store. Where all is to be read again, `from_beginning`, a
    projector that writes by itself is asked whether it empties its read model.
    """
    projection = settings.projection(name)
    servers = broker(settings.source(projection.source.from_))
    with ExitStack() as opened:
        yield Desk(
            name,
            projection,
            opened.enter_context(closing(offset_store(settings.offsets, make=make))),
            opened.enter_context(closing(presence(settings.offsets, make=make))),
            opened.enter_context(closing(audit(settings.offsets, make=make))),
            opened.enter_context(closing(servers.event_log(projection.source.topics, Unread()))),
            servers,
            _rows(name, projection, servers.session_seconds, make, from_beginning, opened),
        )


def _rows(
    name: str,
    settings: ProjectionSettings,
    seconds: float,
    make: bool,
    from_beginning: bool,
    opened: ExitStack,
) -> Rows:
    if settings.read_model is None and not from_beginning:
        return UNTOUCHED
    loop = opened.enter_context(closing(Loop()))
    own = projector(settings.projector)
    if isinstance(own, Closes):
        opened.callback(lambda: loop.wait(own.close()))
    if settings.read_model is None:
        refuse_mismatch(own, None)
        # What is left is no TransactionalProjector.
        return (
            EmptiedByProjector(cast(AnyProjector, own), loop)
            if isinstance(own, Resets)
            else UNTOUCHED
        )
    refuse_mismatch(own, settings.read_model.kind)
    store = opened.enter_context(closing(_read_model(settings.read_model, make, seconds)))
    inside = transacting(own, store, guarding(name, settings))
    if inside is None:
        raise AssertionError("what is refused has no rows")
    return InReadModel(name, inside)


def _read_model(settings: ReadModelSettings, make: bool, seconds: float) -> ReadModel:
    """To clear much may take as long as it takes; a reset that is stopped holds workers up for a session."""
    path = settings.sqlite and settings.sqlite.path
    if not make and path and not path.exists() and path.parent.is_dir():
        from consumer.adapters.memory.read_model import MemoryReadModel

        return MemoryReadModel()
    return read_model(settings, seconds=seconds)


def _operator() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container may run as a user without a name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}:{os.getpid()}"
