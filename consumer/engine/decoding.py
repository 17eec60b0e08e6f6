"""From the records of a partition to the events that the projector is given."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from consumer.engine.upcasting import Upcasting
from consumer.errors import Poison, Transient
from consumer.model.event import Event, undecodable
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
                event = decode(record)
                version = wanted.get(event.type)
                if version == event.version:
                    events.append(event)
                elif version is not None or self._takes_all:
                    events.append(self._upcasting.upcast(event))
                elif self._keeps_others:
                    events.append(event)
            except Transient as outage:
                return Decoded(events, settled, outage=outage)
            except Exception as cause:  # whatever else a codec raises is about its record alone
                poison = cause if isinstance(cause, Poison) else _unexpected(record, cause)
                if not self._skip_poison:
                    return Decoded(events, settled, poison)
                self._observer.happened(Skipped(record.partition, record.offset, poison))
        return Decoded(events, len(records))


def _unexpected(record: Record, cause: Exception) -> Poison:
    why = f"its codec raised {type(cause).__name__}, which a codec must not"
    poison = undecodable(record.partition, record.offset, record.value, why)
    poison.__cause__ = cause
    return poison
