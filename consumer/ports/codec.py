"""From a record's bytes to an event."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from consumer.model.event import Event
from consumer.model.record import Record


class Codec(Protocol):
    """Understands the envelope of the events on a topic."""

    def decode(self, record: Record) -> Event | Sequence[Event]:
        """The event that the record holds, its data left raw where the format allows.

        Of a record that bundles several, all of them in order, be it none: they are applied together or,
        where one is poison, not at all. Their numbers, `Event.part`, are given by whoever calls.

        Raises `Undecodable` whatever the bytes are: build it with `consumer.model.event.undecodable`. Where
        it must ask a server, as for a schema, and that is away, it raises `Transient`, within a few seconds: the
        worker's loop waits for it. The partition waits then, and the record is decoded again. Nothing else is raised.
        Called from one thread at a time.
        """
