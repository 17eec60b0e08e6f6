"""What Connect wrote to topics."""

from __future__ import annotations

from confluent_kafka import Consumer, TopicPartition

from tests.fleet import eventually


def written(bootstrap: str, topic: str) -> int:
    """How many records the topic holds; none where there is no such topic yet."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "counts"})
    try:
        found = consumer.list_topics(topic, timeout=20).topics[topic]
        ends = [
            consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=20)
            for number in found.partitions
        ]
        return sum(high - low for low, high in ends)
    finally:
        consumer.close()


def until_written(bootstrap: str, topic: str, count: int) -> None:
    """Waits until the topic holds so many."""
    eventually(lambda: written(bootstrap, topic) >= count, f"{topic} holds {count}", 60)
