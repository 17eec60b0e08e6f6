"""The parts of a worker that talk to Redis."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from consumer.adapters.redis.audit import RedisAudit
from consumer.adapters.redis.connection import Client, connect, proven, reachable, refuse_eviction
from consumer.adapters.redis.event_log import RedisStreamLog
from consumer.adapters.redis.mirror import RedisMirror
from consumer.adapters.redis.offset_store import RedisOffsetStore
from consumer.adapters.redis.presence import RedisPresence
from consumer.adapters.redis.publisher import RedisPublisher
from consumer.adapters.redis.read_model import RedisReadModel
from consumer.adapters.redis.stream_source import RedisStreamSource
from consumer.adapters.redis.streams import existing
from consumer.errors import Misconfigured
from consumer.ports.audit import Audit
from consumer.ports.codec import Codec
from consumer.ports.event_log import EventLog
from consumer.ports.mirror import Mirror
from consumer.ports.offset_store import OffsetStore
from consumer.ports.presence import Presence
from consumer.ports.publisher import Publisher
from consumer.ports.read_model import ReadModel
from consumer.ports.source import Source
from consumer.settings.offsets import RedisConnection, RedisOffsets
from consumer.settings.projections import ProjectionSettings
from consumer.settings.read_models import RedisReadModelSettings
from consumer.settings.sources import RedisStreamSettings


def offset_store(settings: RedisOffsets) -> OffsetStore:
    """The store, once it is sure that the server evicts no offsets. Raises `Misconfigured`, `Transient`."""
    client = _client(settings)
    refuse_eviction(client)
    return RedisOffsetStore(client, prefix=settings.prefix)


def read_model(settings: RedisReadModelSettings) -> ReadModel:
    """The rows, once it is sure that the server evicts none. Raises `Misconfigured`, `Transient`."""
    client = _client(settings)
    refuse_eviction(client)
    return RedisReadModel(client, prefix=settings.prefix)


def presence(settings: RedisOffsets) -> Presence:
    """The leases of owners beside the checkpoints. Raises `Misconfigured`, `Transient`."""
    return RedisPresence(_client(settings), prefix=settings.prefix)


def audit(settings: RedisOffsets) -> Audit:
    """The records of resets beside the checkpoints. Raises `Misconfigured`, `Transient`."""
    return RedisAudit(_client(settings), prefix=settings.prefix)


class RedisStreams:
    """A `Broker`."""

    def __init__(self, settings: RedisStreamSettings) -> None:
        self._settings = settings

    @property
    def session_seconds(self) -> float:
        """As `Broker.session_seconds`: a lease."""
        return self._settings.lease_seconds

    def problems(self) -> Sequence[str]:
        """As `Broker.problems`: the settings have told all that can be told."""
        return []

    def reach(self) -> None:
        """As `Broker.reach`."""
        with closing(_client(self._settings)) as client, reachable("answer"):
            client.ping()

    def source(self, projection: str, settings: ProjectionSettings, *, owner: str) -> Source:
        """As `Broker.source`."""
        return RedisStreamSource(
            _client(self._settings),
            topics=settings.source.topics,
            streams=self._settings.streams,
            projection=projection,
            owner=owner,
            prefix=self._settings.prefix,
            lease_seconds=self._settings.lease_seconds,
            batch_size=settings.batch_size,
            mirror=settings.source.mirror,
        )

    def mirror(self, projection: str, settings: ProjectionSettings) -> Mirror:
        """As `Broker.mirror`: the group is named like the projection, whatever else its settings say."""
        return RedisMirror(_client(self._settings), group=projection)

    def event_log(self, topics: Sequence[str], codec: Codec) -> EventLog:
        """As `Broker.event_log`: each topic has as many streams as the settings say."""
        with closing(_client(self._settings)) as client:
            for topic in topics:
                existing(client, topic, self._settings.streams)
        return RedisStreamLog(_client(self._settings), topics=topics, codec=codec)

    def publisher(self, topic: str, *, partitions: int | None = None) -> Publisher:
        """As `Broker.publisher`. The number of streams stands in the settings, for readers use it too."""
        streams = self._settings.streams
        if partitions not in (None, streams):
            raise Misconfigured(
                f"{topic} cannot be made with {partitions} partitions: the settings of its source say "
                f"streams: {streams}"
            )
        return RedisPublisher(_client(self._settings), topic=topic, streams=streams)


def _client(settings: RedisConnection) -> Client:
    # What a file holds may be another password at the next connection.
    in_file = settings.password_file is not None
    client = connect(
        settings.url.get_secret_value(),
        cluster=settings.cluster,
        sentinel=settings.sentinel,
        username=settings.username,
        password=(lambda: settings.secret or "") if in_file else settings.secret,
    )
    return proven(client)
