"""A reset of the offsets of a projection of projections.yaml."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Collection, Iterator
from contextlib import ExitStack, closing, contextmanager

import msgspec

from consumer.engine.resetting import Outcome, Plan, carried_out, planned
from consumer.engine.standing import booked, viewed
from consumer.engine.targets import Target
from consumer.errors import ConsumerError
from consumer.model.causes import told
from consumer.model.position import Partition
from consumer.ports.audit import Audit
from consumer.ports.event_log import EventLog
from consumer.ports.offset_store import OffsetStore
from consumer.ports.presence import Presence
from consumer.settings.document import Settings
from consumer.settings.projections import ProjectionSettings
from consumer.wiring.brokers import Broker, broker
from consumer.wiring.offsets import audit, offset_store, presence
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

    def plan(self, target: Target, *, words: str, only: Collection[Partition]) -> Plan:
        """What will be done; nothing is."""
        book = booked(self.projection, self.offsets, self.presence)
        return planned(book, viewed(self.log), self.log, target, words=words, only=only)

    def carry_out(self, plan: Plan) -> Outcome:
        """Does it, unless workers came meanwhile."""
        return carried_out(plan, self.offsets, self.presence, self.audit, by=_operator())

    def mirror(self, plan: Plan) -> str:
        """Shows the broker's own group where the projection stands now; why not, or ""."""
        if not self.settings.source.mirror:
            return ""
        try:
            with closing(self.broker.mirror(self.projection, self.settings)) as mirror:
                mirror.show({move.partition: move.after for move in plan.moves})
        except ConsumerError as cause:
            return told(cause)
        return ""


@contextmanager
def desk(settings: Settings, name: str, *, make: bool = True) -> Iterator[Desk]:
    """Opens everything; raises `Misconfigured`, and `Transient` where a server is out of reach.

    Who only plans does not `make` the file of an offset store.
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
        )


def _operator() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container may run as a user without a name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}:{os.getpid()}"
