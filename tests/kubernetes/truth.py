"""Whether the read model is what the log makes of it, and how long events were on their way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg

from consumer.adapters.codecs.cloudevents import CloudEvents
from consumer.model.event import Event
from consumer.settings.document import Settings
from consumer.wiring.brokers import broker
from tests.kubernetes.image.chains import link

_LIMIT = 5_000


@dataclass(frozen=True)
class Truth:
    """One topic, and the rows of its projection in one database."""

    settings: Settings
    topic: str
    database: str

    def applied(self) -> int:
        """How many events the rows say that they hold."""
        return sum(links for links, _ in self._chains().values())

    def wrong(self, published: int) -> list[str]:
        """What is lost, repeated or out of order; nothing is what one wants to see."""
        log = list(self.events())
        found = []
        if sorted(int(event.id) for event in log) != list(range(published)):
            found.append(f"{published} events were published, {len(log)} are in the log")
        wanted, there = _fold(log), self._chains()
        if differing := [key for key in wanted if wanted[key] != there.get(key)]:
            lengths = [(key, there.get(key, (0,))[0], wanted[key][0]) for key in differing[:3]]
            found.append(
                f"{len(differing)} chains differ, as in {lengths}: subject, links, of how many"
            )
        batched = sum(events for (events,) in self._rows("SELECT events FROM batches"))
        if batched != len(log):
            found.append(f"batches hold {batched} events, the log {len(log)}")
        return found

    def events(self) -> Iterator[Event]:
        """All that is in the log, partition by partition."""
        log = broker(self.settings.source("main")).event_log([self.topic], CloudEvents())
        try:
            for partition in log.partitions():
                after = None
                while events := log.read(partition, after, _LIMIT):
                    yield from events
                    after = events[-1].offset
        finally:
            log.close()

    def pauses(self, since: float, until: float) -> dict[int, float]:
        """By partition, the longest time in seconds from publishing to the rows, among events of these instants."""
        rows = self._rows(
            "SELECT partition, max(applied - published) FROM batches"
            " WHERE applied >= %s AND published <= %s GROUP BY partition ORDER BY partition",
            since,
            until,
        )
        return {int(partition): float(pause) for partition, pause in rows}

    def applied_since(self, since: float) -> dict[int, int]:
        """By partition, how many batches of events that were published since then are in the rows."""
        rows = self._rows(
            "SELECT partition, count(*) FROM batches WHERE published >= %s GROUP BY partition",
            since,
        )
        return {int(partition): int(count) for partition, count in rows}

    def workers(self, since: float = 0.0) -> dict[str, str]:
        """Who applied something since then: the pods, each with the release of its image."""
        rows = self._rows("SELECT DISTINCT worker, release FROM batches WHERE applied >= %s", since)
        return {str(worker): str(release) for worker, release in rows}

    def _chains(self) -> dict[str, tuple[int, str]]:
        rows = self._rows("SELECT subject, links, hash FROM links")
        return {subject: (links, hashed) for subject, links, hashed in rows}

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database) as connection:
            try:
                return connection.execute(query.encode(), values).fetchall()
            except psycopg.errors.UndefinedTable:
                return []  # the first worker makes them


def _fold(log: list[Event]) -> dict[str, tuple[int, str]]:
    """The chains, by a fold that knows nothing of batches and stores."""
    chains: dict[str, tuple[int, str]] = {}
    for event in log:
        links, before = chains.get(event.aggregate_id, (0, ""))
        hashed = link(before, event.partition.number, event.offset, event.id)
        chains[event.aggregate_id] = (links + 1, hashed)
    return chains
