"""From the records of a partition to the events that the projector is given."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from consumer.engine.upcasting import Upcasting
from consumer.errors import Poison, Transient
from consumer.model.causes import told
from consumer.model.event import Event, parts, undecodable
from consumer.model.facts import Skipped
from consumer.model.record import Record
from consumer.ports.codec import Codec
from consumer.ports.observer import Observer


class Decoded(msgspec.Struct, frozen=True):
    """Events in order, up to the end of the records, or to the first that is poison or cannot be read yet."""

    events: Sequence[Event]
    #: How many records were settled: all, or those before that one.
    records: int
    poison: Poison | None = None
    #: What the codec waits for, where it could not read on.
    outage: Transient | None = None


class Decoding:
    """Decodes, passes over what the projector does not handle, and upcasts the rest."""

    def __init__(
        self,
        codec: Codec,
        upcasting: Upcasting,
        handles: Collection[str] | None,
        *,
        skip_poison: bool,
        keeps_others: bool = False,
        observer: Observer,
    ) -> None:
        self._codec = codec
        self._upcasting = upcasting
        self._takes_all = handles is None
        #: Whether events of types that are not handled come too, as they are: for who counts sequences.
        self._keeps_others = keeps_others
        #: The types that the projector is given, each in its schema version.
        self._wanted = {
            type: version
            for type, version in upcasting.versions.items()
            if handles is None or type in handles
        }
        #: Whether a poison event is passed over, rather than left for a person.
        self._skip_poison = skip_poison
        self._observer = observer

    def decode(self, records: Sequence[Record]) -> Decoded:
        """The events for the projector. Never raises, neither for what a record holds nor for an outage."""
        events: list[Event] = []
        # Looked up once: this loop is the hot one.
        decode = self._codec.decode
        wanted = self._wanted
        for settled, record in enumerate(records):
            try:
                found = decode(record)
                if not isinstance(found, Event):
                    events += self._all_for_projector(found)
                elif wanted.get(found.type) == found.version:
                    events.append(found)
                elif (event := self._for_projector(found)) is not None:
                    events.append(event)
            except Transient as outage:
                return Decoded(events, settled, outage=outage)
            except Exception as cause:  # whatever else a codec raises is about its record alone
                poison = cause if isinstance(cause, Poison) else _unexpected(record, cause)
                if not self._skip_poison:
                    return Decoded(events, settled, poison)
                self._observer.happened(Skipped(record.partition, record.offset, poison))
        return Decoded(events, len(records))

    def _all_for_projector(self, bundled: Sequence[Event]) -> list[Event]:
        """Those of the events of one record that the projector is given: none of them where one is poison."""
        given = map(self._for_projector, parts(bundled))
        return [event for event in given if event is not None]

    def _for_projector(self, event: Event) -> Event | None:
        """The event as the projector is given it; None where it is not."""
        if self._takes_all or event.type in self._wanted:
            return self._upcasting.upcast(event)
        return event if self._keeps_others else None


def _unexpected(record: Record, cause: Exception) -> Poison:
    why = f"its codec raised {told(cause)}, which a codec must not"
    poison = undecodable(record.partition, record.offset, record.value, why)
    poison.__cause__ = cause
    return poison
