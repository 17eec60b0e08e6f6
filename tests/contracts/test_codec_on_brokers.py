"""Codecs on records that our publishers never wrote, as real brokers hand them out."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import redis
from confluent_kafka import Producer

from consumer.adapters.codecs.cloudevents import CloudEvents
from consumer.adapters.codecs.json import Json
from consumer.adapters.kafka.event_log import KafkaEventLog
from consumer.adapters.redis.connection import connect
from consumer.adapters.redis.event_log import RedisStreamLog
from consumer.adapters.redis.streams import register
from consumer.model.event import Event
from consumer.model.position import Partition
from consumer.ports.codec import Codec
from consumer.ports.event_log import EventLog
from tests.contracts.kafka_room import Broker
from tests.servers import KafkaServer, RedisServer

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
ATTRIBUTES = {
    "specversion": b"1.0",
    "id": b"7",
    "source": b"/till",
    "type": b"paid",
    "subject": b"order-1",
    "time": b"2026-11-01T12:00:00Z",
    "traceparent": b"00-1",
}


def through_kafka(kafka: KafkaServer, codec: Codec, *written: dict[str, Any]) -> Sequence[Event]:
    topic = Broker(kafka.bootstrap).topic()
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    for record in written:
        producer.produce(topic, **record)
    assert producer.flush(30) == 0
    log = KafkaEventLog({"bootstrap.servers": kafka.bootstrap}, topics=[topic], codec=codec)
    try:
        return log.read(Partition(topic, 0), None, len(written))
    finally:
        log.close()


def test_a_table_s_changes_and_its_tombstone(kafka: KafkaServer) -> None:
    codec = Json(
        type="field:op", aggregate_id="field:after.id", time="field:ts_ms", data="field:after"
    )
    change = b'{"before":null,"after":{"id":7,"name":"Ann"},"op":"c","ts_ms":1793534400000}'
    created, gone = through_kafka(
        kafka,
        codec,
        {"key": b"7", "value": change, "headers": [("origin", b"db\xff"), ("tx", b"99")]},
        {"key": b"7", "value": None},
    )
    assert (created.type, created.aggregate_id, created.time) == ("c", "7", NOON)
    assert created.decode(dict[str, Any]) == {"id": 7, "name": "Ann"}
    assert created.metadata == {"origin": b"db\xff", "tx": "99"}
    assert (gone.type, gone.aggregate_id, gone.is_tombstone) == ("tombstone", "7", True)
    assert created.id != gone.id
    assert gone.time is not None  # the broker's


def test_cloudevents_in_binary_mode_with_and_without_data(kafka: KafkaServer) -> None:
    headers = [(f"ce_{name}", value) for name, value in ATTRIBUTES.items()]
    paid, gone, picture = through_kafka(
        kafka,
        CloudEvents(),
        {"value": b'{"cents":3}', "headers": [*headers, ("content-type", b"application/json")]},
        {"value": None, "headers": headers},
        {"value": b"\x89PNG", "headers": [*headers, ("content-type", b"image/png")]},
    )
    for event in (paid, gone, picture):
        assert (event.id, event.type, event.aggregate_id, event.time) == (
            "7",
            "paid",
            "order-1",
            NOON,
        )
        assert event.metadata["traceparent"] == "00-1"
    assert paid.decode(dict[str, int]) == {"cents": 3}
    assert gone.is_tombstone
    assert picture.data == b"\x89PNG"


def test_cloudevents_in_structured_mode_without_a_header(kafka: KafkaServer) -> None:
    value = b'{"specversion":"1.0","id":"7","source":"/till","type":"paid","data":{"cents":3}}'
    (event,) = through_kafka(kafka, CloudEvents(), {"key": b"order-1", "value": value})
    assert (event.type, event.aggregate_id) == ("paid", "order-1")
    assert event.decode(dict[str, int]) == {"cents": 3}


def one(id: str) -> str:
    return f'{{"specversion":"1.0","id":"{id}","source":"/till","type":"paid"}}'


BATCHES = ["[]", "[]", f"[{one('a')},{one('b')}]", "[]", one("c"), "[]"]


def record_by_record(log: EventLog, partition: Partition) -> list[list[tuple[str, int]]]:
    """The ids and parts of the events of each call, which asks for one record."""
    found: list[list[tuple[str, int]]] = []
    after = None
    while events := log.read(partition, after, 1):
        found.append([(event.id, event.part) for event in events])
        after = events[-1].offset
    return found


def test_records_that_hold_no_event_are_read_past_and_are_no_end_of_a_topic(
    kafka: KafkaServer,
) -> None:
    topic = Broker(kafka.bootstrap).topic()
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    for batch in BATCHES:
        producer.produce(topic, batch)
    assert producer.flush(30) == 0
    log = KafkaEventLog({"bootstrap.servers": kafka.bootstrap}, topics=[topic], codec=CloudEvents())
    with closing(log):
        assert record_by_record(log, Partition(topic, 0)) == [[("a", 0), ("b", 1)], [("c", 0)]]


def test_records_that_hold_no_event_are_read_past_and_are_no_end_of_a_stream(
    valkey: RedisServer,
) -> None:
    topic = f"t-{uuid.uuid4().hex[:12]}"
    client = connect(valkey.url)
    register(client, topic, 1)
    with redis.Redis.from_url(valkey.url) as raw:
        for batch in BATCHES:
            raw.xadd(f"{topic}:0", {"data": batch})
    with closing(RedisStreamLog(client, topics=[topic], codec=CloudEvents())) as log:
        assert record_by_record(log, Partition(topic, 0)) == [[("a", 0), ("b", 1)], [("c", 0)]]


def test_cloudevents_in_the_fields_of_an_entry(valkey: RedisServer) -> None:
    topic = f"t-{uuid.uuid4().hex[:12]}"
    client = connect(valkey.url)
    register(client, topic, 1)
    raw: Any = redis.Redis.from_url(valkey.url)
    raw.xadd(f"{topic}:0", {**ATTRIBUTES, "data": b'{"cents":3}'})
    raw.xadd(f"{topic}:0", {**ATTRIBUTES})
    raw.xadd(f"{topic}:0", {"data": b'{"specversion":"1.0","id":"8","source":"/","type":"paid"}'})
    raw.close()
    log = RedisStreamLog(client, topics=[topic], codec=CloudEvents())
    paid, gone, whole = log.read(Partition(topic, 0), None, 10)
    client.close()
    assert (paid.id, paid.type, paid.aggregate_id, paid.time) == ("7", "paid", "order-1", NOON)
    assert paid.decode(dict[str, int]) == {"cents": 3}
    assert paid.metadata["traceparent"] == "00-1"
    assert gone.is_tombstone
    assert (whole.id, whole.aggregate_id) == ("8", "")
