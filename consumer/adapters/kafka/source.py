"""Kafka as a source: a member of a consumer group that reads each partition behind its claim."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from consumer.adapters.kafka.client import Complaints, asking, connected_consumer, require_topics
from consumer.adapters.kafka.config import (
    Config,
    admin_config,
    consumer_config,
    validated,
    validated_topics,
)
from consumer.adapters.kafka.mirroring import Mirroring
from consumer.adapters.kafka.session import Session
from consumer.errors import Misconfigured, SourceFailed, Transient
from consumer.model.position import Offset, Partition
from consumer.model.record import Fetched
from consumer.ports.source import Membership


class KafkaSource:
    """A `Source` on Kafka. Nothing is read from a partition before it is claimed, and then exactly what
    comes behind the claim's offset; the group's own committed offsets are never read; with `mirror` they
    show others how far we are.
    """

    def __init__(
        self,
        config: Config,
        *,
        topics: Collection[str],
        group: str,
        batch_size: int = 500,
        mirror: bool = True,
    ) -> None:
        """Raises `Misconfigured` with all that is wrong; needs no broker. `config` is read at each opening."""
        self._config = validated(config)
        self._group = group
        self._topics = validated_topics(topics)
        self._batch_size = batch_size
        self._mirror = mirror
        self._session: Session | None = None

    def open(self, membership: Membership) -> None:
        """Joins the group. `SourceFailed` when no broker answers; `Misconfigured` for an unknown topic,
        or where the brokers refuse us.
        """
        self.close()
        complaints = Complaints()
        properties = consumer_config(self._config, group=self._group)
        admin_properties = admin_config(self._config)
        mirroring = Mirroring(membership, is_wanted=self._mirror)
        properties["on_commit"] = mirroring.answered
        client = connected_consumer(properties, self._topics[0], complaints)
        try:
            require_topics(client, self._topics)
        except Transient as cause:
            client.close()
            raise SourceFailed(str(cause)) from cause
        except Misconfigured:
            client.close()
            raise
        admin = asking(admin_properties, complaints)
        self._session = Session(client, admin, complaints, membership, self._batch_size, mirroring)
        self._session.join(self._topics)

    def poll(self, paused: Collection[Partition], wait: float) -> Iterator[Fetched]:
        """What came in, as `Source.poll` says; `Misconfigured` too if the brokers begin to refuse us."""
        if self._session is None:
            raise SourceFailed("the Kafka source is not open")
        return self._session.poll(paused, wait)

    def owns(self, partition: Partition) -> bool:
        """Assigned and claimed."""
        return self._session is not None and self._session.owns(partition)

    def joined(self) -> bool:
        """As `Source.joined`."""
        return self._session is not None and self._session.joined()

    def mirror(self, partition: Partition, offset: Offset) -> None:
        """As `Source.mirror`."""
        if self._session is not None:
            self._session.mirror(partition, offset)

    def close(self) -> None:
        """Tells the membership, then leaves the group; never raises."""
        session, self._session = self._session, None
        if session is not None:
            session.close()
