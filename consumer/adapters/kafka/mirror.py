"""Kafka's own book of a group's offsets, written where no worker lives."""

from __future__ import annotations

from collections.abc import Mapping

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, TopicPartition
from confluent_kafka.admin import AdminClient

from consumer.adapters.kafka.client import ASK_SECONDS, Complaints, asked, asking
from consumer.adapters.kafka.config import Config, admin_config, validated
from consumer.errors import Transient
from consumer.model.position import IntOffset, Offset, Partition

#: What a coordinator says of a group that has members: who asks is none of them.
_HAS_MEMBERS = frozenset(
    {
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.NON_EMPTY_GROUP,
        KafkaError.REBALANCE_IN_PROGRESS,
    }
)


class KafkaMirror:
    """A `Mirror` on a Kafka consumer group. It joins nothing. Connects when first told to show."""

    def __init__(self, config: Config, *, group: str) -> None:
        """Raises `Misconfigured` with all that is wrong; needs no broker."""
        self._config = validated(config)
        self._group = group
        self._complaints = Complaints()
        self._admin: AdminClient | None = None

    def show(self, offsets: Mapping[Partition, Offset]) -> None:
        """As `Mirror.show`; `Misconfigured` where the brokers do not allow it. Offsets of another kind of
        log are left out.
        """
        # Kafka's offset is the next one to read.
        next_ones = [
            TopicPartition(each.topic, each.number, at.value + 1)
            for each, at in offsets.items()
            if isinstance(at, IntOffset)
        ]
        if not next_ones:
            return
        wanted = ConsumerGroupTopicPartitions(self._group, next_ones)
        answer = self._asks().alter_consumer_group_offsets([wanted], request_timeout=ASK_SECONDS)
        for place in asked(answer[self._group].result).topic_partitions:
            if place.error is not None:
                self._refused(Partition(place.topic, place.partition), place.error)

    def close(self) -> None:
        """Lets the connection go. Safe to call twice."""
        self._admin = None

    def _asks(self) -> AdminClient:
        if self._admin is None:
            self._admin = asking(admin_config(self._config), self._complaints)
        return self._admin

    def _refused(self, partition: Partition, error: KafkaError) -> None:
        if error.code() in _HAS_MEMBERS:
            raise Transient(
                f"the consumer group {self._group} has members, and shows what they show; stop its "
                f"workers, and try again ({partition}: {error.str()})"
            )
        raise Transient(
            f"the consumer group {self._group} was not moved on {partition}: {error.str()}"
        )
