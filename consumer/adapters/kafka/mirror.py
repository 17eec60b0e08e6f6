"""Kafka's own book of a group's offsets, written where no worker lives."""

from __future__ import annotations

import time
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
#: What a coordinator says before it is one, as on a cluster that had no group so far.
_COMING_UP = frozenset(
    {
        KafkaError.NOT_COORDINATOR,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    }
)
_SLICE_SECONDS = 0.1


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
        until = time.monotonic() + ASK_SECONDS
        while wrong := self._wrong(next_ones):
            partition, error = wrong
            if error.code() not in _COMING_UP or time.monotonic() > until:
                raise self._refusal(partition, error)
            time.sleep(_SLICE_SECONDS)

    def close(self) -> None:
        """Lets the connection go. Safe to call twice."""
        self._admin = None

    def _asks(self) -> AdminClient:
        if self._admin is None:
            self._admin = asking(admin_config(self._config), self._complaints)
        return self._admin

    def _wrong(self, next_ones: list[TopicPartition]) -> tuple[Partition, KafkaError] | None:
        """The first partition that the coordinator did not take, and why."""
        wanted = ConsumerGroupTopicPartitions(self._group, next_ones)
        answer = self._asks().alter_consumer_group_offsets([wanted], request_timeout=ASK_SECONDS)
        for place in asked(answer[self._group].result).topic_partitions:
            if place.error is not None:
                return Partition(place.topic, place.partition), place.error
        return None

    def _refusal(self, partition: Partition, error: KafkaError) -> Transient:
        where = f"{partition}: {error.str()}"
        if error.code() in _HAS_MEMBERS:
            return Transient(
                f"the consumer group {self._group} has members, and shows what they show; stop its "
                f"workers, and try again ({where})"
            )
        return Transient(f"the consumer group {self._group} was not moved ({where})")
