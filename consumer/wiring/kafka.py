"""The parts of a worker that talk to Kafka."""

from __future__ import annotations

from collections.abc import Sequence

from consumer.adapters.kafka.client import Complaints, connected_consumer
from consumer.adapters.kafka.config import Properties, consumer_config, problems
from consumer.adapters.kafka.event_log import KafkaEventLog
from consumer.adapters.kafka.mirror import KafkaMirror
from consumer.adapters.kafka.publisher import KafkaPublisher, create_topic
from consumer.adapters.kafka.source import KafkaSource
from consumer.adapters.kafka.token import TokenFunction
from consumer.errors import Misconfigured
from consumer.ports.codec import Codec
from consumer.ports.event_log import EventLog
from consumer.ports.mirror import Mirror
from consumer.ports.publisher import Publisher
from consumer.ports.source import Source
from consumer.settings.projections import ProjectionSettings
from consumer.settings.sources import KafkaSettings
from consumer.wiring.importing import imported

#: The brokers are asked for one topic, for without one they tell of all. It need not exist.
_ANY_TOPIC = "projections-check"
#: A session, where nothing else is said: librdkafka's default, and the brokers' for groups of KIP-848.
_SESSION_MS = 45_000


class Kafka:
    """A `Broker`."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._token = None if settings.token is None else _function(settings.token)

    @property
    def session_seconds(self) -> float:
        """As `Broker.session_seconds`."""
        return float(self._settings.properties.get("session.timeout.ms", _SESSION_MS)) / 1000

    def problems(self) -> Sequence[str]:
        """As `Broker.problems`: what librdkafka, and we, make of the properties."""
        return problems(self._config)

    def reach(self) -> None:
        """As `Broker.reach`; no group is joined."""
        properties = consumer_config(self._config, group=_ANY_TOPIC)
        connected_consumer(properties, _ANY_TOPIC, Complaints()).close()

    def _config(self) -> Properties:
        """All that librdkafka is told; whoever calls it has the secrets as their files hold them now."""
        token = {} if self._token is None else {"oauth_cb": self._token}
        return {**self._settings.properties, **token}

    def source(self, projection: str, settings: ProjectionSettings, *, owner: str) -> Source:
        """As `Broker.source`; Kafka gives the worker a name of its own."""
        return KafkaSource(
            self._config,
            topics=settings.source.topics,
            group=settings.source.group or projection,
            batch_size=settings.batch_size,
            mirror=settings.source.mirror,
        )

    def mirror(self, projection: str, settings: ProjectionSettings) -> Mirror:
        """As `Broker.mirror`."""
        return KafkaMirror(self._config, group=settings.source.group or projection)

    def event_log(self, topics: Sequence[str], codec: Codec) -> EventLog:
        """As `Broker.event_log`."""
        return KafkaEventLog(self._config, topics=topics, codec=codec)

    def publisher(self, topic: str, *, partitions: int | None = None) -> Publisher:
        """As `Broker.publisher`. A topic that exists keeps the partitions that it has."""
        if partitions is not None:
            create_topic(self._config, topic, partitions)
        return KafkaPublisher(self._config, topic=topic)


def _function(name: str) -> TokenFunction:
    found = imported(name)
    if not callable(found):
        raise Misconfigured(f"token: {name} is a {type(found).__name__}, and no function")
    return TokenFunction(name, found)
