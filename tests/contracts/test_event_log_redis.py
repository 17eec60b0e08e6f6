"""Publishing to Redis Streams, and reading them without leases, on real servers and a cluster."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest
from confluent_kafka import Message, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from consumer.adapters.codecs.cloudevents import CloudEvents
from consumer.adapters.redis.connection import Client, connect
from consumer.adapters.redis.event_log import RedisStreamLog
from consumer.adapters.redis.ids import ZERO
from consumer.adapters.redis.partitioning import partition_of
from consumer.adapters.redis.publisher import RedisPublisher
from consumer.embedded.valkey import Valkey
from consumer.errors import Misconfigured, OffsetLost, Transient, Undecodable
from consumer.model.outgoing import Outgoing
from consumer.model.position import IntOffset, Partition
from tests.contracts.redis_room import Streams, at, cluster_of_one, fresh
from tests.servers import KafkaServer


@pytest.fixture(params=["valkey", "redis_62", "valkey_cluster"])
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    server = request.getfixturevalue(request.param)
    made = connect(server.url, cluster=request.param == "valkey_cluster")
    yield made
    made.close()


@pytest.fixture
def topic() -> str:
    return fresh("orders")


def outgoing(number: int, subject: str = "order-1", **attributes: str) -> Outgoing:
    given = {"specversion": "1.0", "id": str(number), "type": "order.placed", "source": "/shop"}
    return Outgoing(subject.encode(), {**given, "subject": subject, **attributes}, b"%d" % number)


def log_of(client: Client, *topics: str) -> RedisStreamLog:
    return RedisStreamLog(client, topics=topics, codec=CloudEvents())


# --- publishing ----------------------------------------------------------------------------------


def test_what_is_published_is_read_as_it_was_in_order_of_its_key(
    client: Client, topic: str
) -> None:
    publisher = RedisPublisher(client, topic=topic, streams=3)
    for number in range(2_500):
        publisher.send(outgoing(number, f"order-{number % 7}", schemaversion="2"))
    publisher.flush()
    log = log_of(client, topic)
    assert log.partitions() == [Partition(topic, number) for number in range(3)]
    events = [event for each in log.partitions() for event in log.read(each, None, 10_000)]
    assert {(event.type, event.version) for event in events} == {("order.placed", 2)}
    for order in range(7):
        mine = [event for event in events if event.aggregate_id == f"order-{order}"]
        assert [event.decode(int) for event in mine] == list(range(order, 2_500, 7))
        assert {event.partition.number for event in mine} == {
            partition_of(f"order-{order}".encode(), 3)
        }


def test_an_event_without_data_and_a_key_that_is_no_subject_come_through(
    client: Client, topic: str
) -> None:
    publisher = RedisPublisher(client, topic=topic, streams=1)
    publisher.send(Outgoing(b"\xff", outgoing(1).attributes, None))
    publisher.flush()
    (event,) = log_of(client, topic).read(Partition(topic, 0), None, 10)
    assert (event.key, event.is_tombstone, event.type) == (b"\xff", True, "order.placed")


def test_a_topic_with_another_number_of_streams_is_not_published_to(
    client: Client, topic: str
) -> None:
    RedisPublisher(client, topic=topic, streams=12).send(outgoing(1))
    with pytest.raises(Misconfigured, match=r"12 streams.* 8"):
        RedisPublisher(client, topic=topic, streams=8).send(outgoing(1))
    with pytest.raises(Misconfigured, match="one at least"):
        RedisPublisher(client, topic=fresh("none"), streams=0).send(outgoing(1))


@pytest.mark.parametrize(
    "topic", ["", "a b", "a/b", "{orders}", "orders:1", "a\r\n", "ä", "a" * 250]
)
def test_a_topic_that_no_reader_could_name_is_not_published_to(topic: str) -> None:
    with pytest.raises(Misconfigured, match="cannot name a topic"):
        RedisPublisher(connect("redis://127.0.0.1:1"), topic=topic, streams=1)


def test_keys_lie_in_the_partitions_that_kafka_gives_them(kafka: KafkaServer) -> None:
    bootstrap = {"bootstrap.servers": kafka.bootstrap}
    topic, admin = fresh("keys"), AdminClient(bootstrap)
    admin.create_topics([NewTopic(topic, 13, 1)])[topic].result(20)
    placed: dict[bytes, int] = {}

    def delivered(error: Any, message: Message) -> None:
        assert error is None
        placed[message.key() or b""] = message.partition() or 0

    producer = Producer({**bootstrap, "partitioner": "murmur2_random"})
    some = Random(4)
    keys = {some.randbytes(length) for length in range(1, 41) for _ in range(10)}
    for key in keys:
        producer.produce(topic, b"", key=key, on_delivery=delivered)
    assert producer.flush(20) == 0
    assert placed == {key: partition_of(key, 13) for key in keys}


def test_what_could_not_be_published_is_published_by_the_next_flush(
    own_valkey: Callable[..., Valkey], topic: str
) -> None:
    server = own_valkey(append_only=True)
    client = connect(server.url)
    publisher = RedisPublisher(client, topic=topic, streams=2)
    publisher.send(outgoing(1))
    server.kill()
    publisher.send(outgoing(2))
    with pytest.raises(Transient):
        publisher.flush()
    server.start()
    publisher.close()
    partition = Partition(topic, partition_of(b"order-1", 2))
    found = log_of(connect(server.url), topic).read(partition, None, 10)
    assert [event.decode(int) for event in found] == [1, 2]


@pytest.mark.parametrize("cluster", [False, True])
def test_what_could_not_be_published_is_not_told(
    own_valkey: Callable[..., Valkey], topic: str, cluster: bool
) -> None:
    server = cluster_of_one(own_valkey) if cluster else own_valkey()
    admin = connect(server.url)
    publisher = RedisPublisher(connect(server.url, cluster=cluster), topic=topic, streams=1)
    publisher.send(Outgoing(b"4111", {"subject": "card 4111"}, None))
    admin.config_set("maxmemory", "1")
    with pytest.raises(Transient, match="maxmemory") as full:
        publisher.flush()
    admin.config_set("maxmemory", "0")
    admin.set(f"{topic}:0", "no stream")
    with pytest.raises(Misconfigured, match="WRONGTYPE") as in_use:
        publisher.flush()

    for refusal in (full.value, in_use.value):
        assert "4111" not in "".join(traceback.format_exception(refusal))
    admin.delete(f"{topic}:0")
    publisher.close()
    admin.close()


# --- reading -------------------------------------------------------------------------------------


def test_a_log_is_known_by_the_births_of_its_topics(client: Client) -> None:
    one, other = Streams(client, 2), Streams(client, 3)
    both = log_of(client, one.topic, other.topic)
    for each in (one, other):
        assert both.identity(Partition(each.topic, 1)) == each.log


def test_a_topic_that_nobody_made_is_for_a_person(client: Client, topic: str) -> None:
    with pytest.raises(Misconfigured, match="has no streams yet"):
        log_of(client, topic).partitions()


def test_the_end_is_the_last_entry_there_or_that_there_ever_was(client: Client) -> None:
    streams = Streams(client, 4)
    for number in (1, 2, 3):
        streams.fill([5, 6], number)
    streams.client.xdel(streams.name(2), "6-0")
    streams.keep(0, 3)
    assert log_of(client, streams.topic).ends() == {
        streams.partition(0): ZERO,
        streams.partition(1): at("6-0"),
        streams.partition(2): at("5-0"),
        streams.partition(3): at("6-0"),
    }


def test_a_log_is_read_behind_an_offset_up_to_a_limit(client: Client, topic: str) -> None:
    publisher = RedisPublisher(client, topic=topic, streams=1)
    for number in range(10):
        publisher.send(outgoing(number))
    publisher.flush()
    log, partition = log_of(client, topic), Partition(topic, 0)
    first = log.read(partition, None, 4)
    assert [event.decode(int) for event in first] == [0, 1, 2, 3]
    assert [e.decode(int) for e in log.read(partition, ZERO, 4)] == [0, 1, 2, 3]
    assert [e.decode(int) for e in log.read(partition, first[-1].offset, 4)] == [4, 5, 6, 7]
    assert log.read(partition, log.ends()[partition], 4) == []


def test_reading_behind_what_was_trimmed_is_refused(client: Client) -> None:
    streams = Streams(client)
    streams.fill(range(1, 11))
    streams.keep(4)
    log = log_of(client, streams.topic)
    with pytest.raises(OffsetLost, match="offset 5-0"):
        log.read(streams.partition(), at("5-0"), 10)
    with pytest.raises(OffsetLost, match="last entries in a failover"):
        log.read(streams.partition(), at("11-0"), 10)
    with pytest.raises(OffsetLost, match="another kind of log"):
        log.read(streams.partition(), IntOffset(5), 10)


def test_what_precedes_an_undecodable_entry_is_read_and_it_is_refused_then(
    client: Client, topic: str
) -> None:
    publisher = RedisPublisher(client, topic=topic, streams=1)
    publisher.send(outgoing(1))
    publisher.flush()
    streams: Any = client
    streams.xadd(f"{topic}:0", {"data": "{"})
    log, partition = log_of(client, topic), Partition(topic, 0)
    (only,) = log.read(partition, None, 10)
    with pytest.raises(Undecodable):
        log.read(partition, only.offset, 10)
