"""How the projections of projections.yaml stand."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

from consumer.engine.standing import UNSEEN, Report, booked, viewed
from consumer.errors import ConsumerError
from consumer.model.event import Event
from consumer.model.record import Record
from consumer.ports.event_log import EventLog
from consumer.settings.document import Settings
from consumer.wiring.brokers import broker
from consumer.wiring.offsets import offset_store, presence

#: Logs that are asked at once. One that is away takes seconds to tell from one that is slow.
_AT_ONCE = 16

#: A source of the settings, and topics on it: what projections may share.
Place = tuple[str, tuple[str, ...]]


class Unread:
    """A `Codec` for who wants to know where events are, and not what is in them."""

    def decode(self, record: Record) -> Event:
        """An event that tells its place alone."""
        return Event("", "", "", record.partition, record.offset)


class Lookout:
    """Looks again and again, over connections that it keeps, one for each log.

    Making one raises `Misconfigured`, and `Transient` where the offset store is out of reach.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._logs: dict[Place, EventLog] = {}
        with ExitStack() as opened:
            self._offsets = opened.enter_context(closing(offset_store(settings.offsets)))
            self._presence = opened.enter_context(closing(presence(settings.offsets)))
            self._open = opened.pop_all()

    def look(self, names: Sequence[str]) -> list[Report]:
        """How they stand now, in this order. Raises `Transient` where the offset store is out of reach; a
        log that is stands in the report.
        """
        places: dict[Place, list[str]] = {}
        for name in names:
            read = self._settings.projection(name).source
            places.setdefault((read.from_, tuple(read.topics)), []).append(name)
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            found = [
                report
                for reports in threads.map(self._look, places.keys(), places.values())
                for report in reports
            ]
        return sorted(found, key=lambda report: names.index(report.projection))

    def close(self) -> None:
        """Lets the connections go."""
        for place in list(self._logs):
            self._forget(place)
        self._open.close()

    def _look(self, place: Place, names: Sequence[str]) -> list[Report]:
        # Before the log's ends, for these may only move on meanwhile.
        books = [booked(name, self._offsets, self._presence) for name in names]
        try:
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
