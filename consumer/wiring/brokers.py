"""What a broker is to the wiring, whichever it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from consumer.ports.codec import Codec
from consumer.ports.event_log import EventLog
from consumer.ports.mirror import Mirror
from consumer.ports.publisher import Publisher
from consumer.ports.source import Source
from consumer.settings.projections import ProjectionSettings
from consumer.settings.sources import SourceSettings


class Broker(Protocol):
    """Makes what reads from one broker, and what writes to it. Its methods may raise `Misconfigured`
    and `Transient`.
    """

    @property
    def session_seconds(self) -> float:
        """How long a worker may give no sign of life before its partitions go to others."""

    def problems(self) -> Sequence[str]:
        """What is wrong with its settings, as far as it can be told without a connection."""

    def reach(self) -> None:
        """Returns if the broker answers; else raises any `ConsumerError`."""

    def source(self, projection: str, settings: ProjectionSettings, *, owner: str) -> Source:
        """A worker's membership."""

    def mirror(self, projection: str, settings: ProjectionSettings) -> Mirror:
        """The broker's own book of the projection's group, for when no worker keeps it."""

    def event_log(self, topics: Sequence[str], codec: Codec) -> EventLog:
        """The log without membership; `Misconfigured` where workers would refuse it."""

    def publisher(self, topic: str, *, partitions: int | None = None) -> Publisher:
        """What appends to a topic, which is made with so many partitions if there is none."""


def broker(settings: SourceSettings) -> Broker:
    """The broker of a source. Only its own client library is imported."""
    if settings.kafka is not None:
        from consumer.wiring.kafka import Kafka

        return Kafka(settings.kafka)
    if settings.redis is not None:
        from consumer.wiring.redis import RedisStreams

        return RedisStreams(settings.redis)
    raise AssertionError("the settings refuse a source of no kind")
