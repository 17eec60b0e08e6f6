"""How the projections of projections.yaml stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing

from consumer.engine.standing import UNSEEN, Report, booked, viewed
from consumer.errors import ConsumerError
from consumer.model.event import Event
from consumer.model.record import Record
from consumer.ports.event_log import EventLog
from consumer.ports.offset_store import OffsetStore
from consumer.ports.presence import Presence
from consumer.settings.document import Settings
from consumer.wiring.brokers import broker
from consumer.wiring.offsets import is_there, offset_store, presence
from consumer.wiring.threads import each_on_threads

#: A source of the settings, and topics on it: what projections may share.
Place = tuple[str, tuple[str, ...]]


class Unread:
    """A `Codec` for who wants to know where events are, and not what is in them."""

    def decode(self, record: Record) -> Event:
        """An event that tells its place alone."""
        return Event("", "", "", record.partition, record.offset)


class Lookout:
    """Looks again and again, over connections that it keeps, one for each log."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._logs: dict[Place, EventLog] = {}
        self._open = ExitStack()
        self._stores: tuple[OffsetStore, Presence] | None = None
        self._is_interrupted = False

    def look(self, names: Sequence[str]) -> list[Report]:
        """How they stand now, in this order. Raises `Misconfigured`, and `Transient` where the offset store is
        out of reach; a log that is stands in the report.
        """
        stores = self._stores or self._opened()
        sources: dict[str, dict[Place, list[str]]] = {}
        for name in names:
            read = self._settings.projection(name).source
            place = (read.from_, tuple(read.topics))
            sources.setdefault(read.from_, {}).setdefault(place, []).append(name)
        try:
            troubles = dict(each_on_threads(self._reached, sources.items()))
            looks = [
                (place, sharing, troubles[source], stores)
                for source, places in sources.items()
                for place, sharing in places.items()
            ]
            found = each_on_threads(self._look, looks)
        except KeyboardInterrupt:
            self._is_interrupted = True
            raise
        reports = [report for reports in found for report in reports]
        return sorted(reports, key=lambda report: names.index(report.projection))

    def close(self) -> None:
        """Lets the connections go; where a look was interrupted its threads still use them, and the end of
        the process does.
        """
        if self._is_interrupted:
            return
        for place in list(self._logs):
            self._forget(place)
        self._open.close()

    def _opened(self) -> tuple[OffsetStore, Presence]:
        settings = self._settings.offsets
        is_made = is_there(settings)
        with ExitStack() as opened:
            stores = (
                opened.enter_context(closing(offset_store(settings, make=False))),
                opened.enter_context(closing(presence(settings, make=False))),
            )
            if is_made:  # else it may be made until the next look
                self._stores = stores
            self._open.push(opened.pop_all())
        return stores

    def _reached(
        self, source: tuple[str, Mapping[Place, Sequence[str]]]
    ) -> tuple[str, ConsumerError | None]:
        """The source, and what is wrong with all its places alike: of a server that is away one time-out is
        enough.
        """
        name, places = source
        if len(places) == 1 or not self._logs.keys().isdisjoint(places):
            return name, None
        try:
            broker(self._settings.source(name)).reach()
        except ConsumerError as cause:
            return name, cause
        return name, None

    def _look(
        self,
        look: tuple[Place, Sequence[str], ConsumerError | None, tuple[OffsetStore, Presence]],
    ) -> list[Report]:
        place, names, trouble, stores = look
        # Before the log's ends, for these may only move on meanwhile.
        books = [booked(name, *stores) for name in names]
        try:
            if trouble is not None:
                raise trouble
            log = self._log(place)
            view = viewed(log)
            return [Report.of(book, view, log.lag(book.offsets(view))) for book in books]
        except ConsumerError as cause:
            self._forget(place)
            return [Report.of(book, UNSEEN, {}, cause) for book in books]

    def _log(self, place: Place) -> EventLog:
        if place not in self._logs:
            source, topics = place
            servers = broker(self._settings.source(source))
            self._logs[place] = servers.event_log(topics, Unread())
        return self._logs[place]

    def _forget(self, place: Place) -> None:
        if log := self._logs.pop(place, None):
            log.close()
