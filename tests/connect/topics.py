"""What Connect wrote to topics."""

from __future__ import annotations

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from tests.fleet import eventually


def written(bootstrap: str, topic: str) -> int:
    """How many records the topic holds; none where there is no such topic yet, or nobody who leads it."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "counts"})
    try:
        found = consumer.list_topics(topic, timeout=20).topics[topic]
        ends = [
            consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=20)
            for number in found.partitions
        ]
        return sum(high - low for low, high in ends)
    except KafkaException as cause:
        if cause.args[0].code() != KafkaError.NOT_LEADER_FOR_PARTITION:
            raise
        return 0  # it was made a moment ago
    finally:
        consumer.close()


def until_written(bootstrap: str, topic: str, count: int) -> None:
    """Waits until the topic holds so many."""
    eventually(lambda: written(bootstrap, topic) >= count, f"{topic} holds {count}", 60)
