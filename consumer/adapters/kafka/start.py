"""Where a projection that never ran starts to read a partition."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from consumer.adapters.kafka.client import ASK_SECONDS, asked
from consumer.errors import Transient
from consumer.model.position import IntOffset, Partition
from consumer.model.start import Start

_EPOCH, _MILLISECOND = datetime.fromtimestamp(0, UTC), timedelta(milliseconds=1)


def watermarks(client: Consumer, partition: Partition) -> tuple[int, int]:
    """The first offset that the log holds, and the one that comes next; asked from the brokers."""
    place = TopicPartition(partition.topic, partition.number)
    low, high = asked(
        lambda: client.get_watermark_offsets(place, timeout=ASK_SECONDS, cached=False)
    )
    if low < 0 or high < low:
        raise Transient(f"Kafka gave no usable log start and end for {partition}: {low}, {high}")
    return low, high


def first_offset(
    client: Consumer, admin: AdminClient, partition: Partition, start: Start
) -> IntOffset:
    """The offset of the last event not to be read; `Transient` if the brokers do not tell."""
    low, high = watermarks(client, partition)
    if start.at == "end":
        return IntOffset(high - 1)
    if start.at == "time" and start.time is not None:
        # Rounded up, for an event before that moment is not wanted; a float would round either way.
        stamp = -((_EPOCH - start.time) // _MILLISECOND)
        return IntOffset(_at_time(client, partition, stamp, high) - 1)
    if start.at == "group" and start.group is not None:
        return IntOffset(_of_group(admin, partition, start.group, low) - 1)
    return IntOffset(low - 1)


def _at_time(client: Consumer, partition: Partition, stamp: int, high: int) -> int:
    wanted = [TopicPartition(partition.topic, partition.number, stamp)]
    found = asked(lambda: client.offsets_for_times(wanted, timeout=ASK_SECONDS))[0]
    _check(found, partition)
    return high if found.offset < 0 else int(found.offset)


def _of_group(admin: AdminClient, partition: Partition, group: str, low: int) -> int:
    # The question below crashes the process where the coordinator answers with an error (confluent-kafka
    # 2.16.1), as it does until a cluster's first group has one, or if we may not see this group. So a
    # question that only raises goes first. A group that nobody knows is no error.
    described = admin.describe_consumer_groups([group], request_timeout=ASK_SECONDS)
    asked(described[group].result)
    wanted = ConsumerGroupTopicPartitions(
        group, [TopicPartition(partition.topic, partition.number)]
    )
    answer = admin.list_consumer_group_offsets([wanted], request_timeout=ASK_SECONDS)[group]
    found = asked(answer.result).topic_partitions[0]
    _check(found, partition)
    return low if found.offset < 0 else int(found.offset)


def _check(found: TopicPartition, partition: Partition) -> None:
    if found.error is not None:
        raise Transient(
            f"Kafka did not tell where to start {partition}: {found.error.str()}"
        ) from (KafkaException(found.error))
