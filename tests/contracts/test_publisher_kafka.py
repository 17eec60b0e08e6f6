"""The Kafka publisher, and the log read without membership, against a real broker."""

from __future__ import annotations

import json
import uuid

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from consumer.adapters.kafka.event_log import KafkaEventLog
from consumer.adapters.kafka.publisher import KafkaPublisher, create_topic
from consumer.adapters.kafka.source import KafkaSource
from consumer.errors import Closed, Misconfigured, OffsetLost, Transient, Undecodable
from consumer.model.event import Event, undecodable
from consumer.model.outgoing import Outgoing
from consumer.model.position import IntOffset, Partition, StreamOffset
from consumer.model.record import Record
from tests.contracts.kafka_room import Broker, Member, Recording
from tests.servers import KafkaServer, kafka_process

#: Hashes that Kafka's own UtilsTest.java states; its producers clear the sign and take the rest.
JAVA = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


@pytest.fixture
def broker(kafka: KafkaServer) -> Broker:
    return Broker(kafka.bootstrap)


class Plain:
    """A codec of numbers; anything else is undecodable."""

    def decode(self, record: Record) -> Event:
        value = record.value or b""
        if not value.isdigit():
            raise undecodable(record.partition, record.offset, value, "no number")
        return Event(str(record.offset), "n", "a", record.partition, record.offset, int(value))


def outgoing(key: bytes, data: bytes | None = b'{"n":1}') -> Outgoing:
    return Outgoing(key, {"id": "1", "source": "/s", "type": "t", "subject": key.decode()}, data)


def read(
    broker: Broker, topic: str, partitions: int, count: int
) -> list[tuple[int, bytes, dict[str, object], object]]:
    client = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": uuid.uuid4().hex})
    client.assign([TopicPartition(topic, n, 0) for n in range(partitions)])
    found = []
    while len(found) < count:
        message = client.poll(10)
        assert message is not None
        assert message.error() is None
        found.append(
            (
                message.partition(),
                message.key(),
                json.loads(message.value() or b""),
                message.headers(),
            )
        )
    client.close()
    return found  # type: ignore[return-value]  # nothing of it is None without an error


def test_an_event_is_published_in_structured_mode_with_its_data_embedded(broker: Broker) -> None:
    topic = broker.topic(1)
    publisher = KafkaPublisher({"bootstrap.servers": broker.bootstrap}, topic=topic)
    publisher.send(outgoing(b"c-1"))
    publisher.send(outgoing(b"c-2", None))
    publisher.close()
    publisher.close()
    (_, key, event, headers), (_, _, bare, _) = read(broker, topic, 1, 2)
    assert key == b"c-1"
    assert event == {
        "specversion": "1.0",
        "id": "1",
        "source": "/s",
        "type": "t",
        "subject": "c-1",
        "datacontenttype": "application/json",
        "data": {"n": 1},
    }
    assert headers == [("content-type", b"application/cloudevents+json; charset=UTF-8")]
    assert "data" not in bare
    assert "datacontenttype" not in bare


def test_a_key_goes_to_the_partition_that_java_producers_pick(broker: Broker) -> None:
    topic = broker.topic(12)
    publisher = KafkaPublisher({"bootstrap.servers": broker.bootstrap}, topic=topic)
    for key in JAVA:
        publisher.send(outgoing(key))
    publisher.flush()
    found = {key: number for number, key, _, _ in read(broker, topic, 12, len(JAVA))}
    assert found == {key: (hashed & 0x7FFFFFFF) % 12 for key, hashed in JAVA.items()}
    publisher.close()


def test_an_unknown_topic_is_misconfigured(broker: Broker) -> None:
    name = f"absent-{uuid.uuid4().hex[:8]}"
    publisher = KafkaPublisher({"bootstrap.servers": broker.bootstrap}, topic=name)
    with pytest.raises(Misconfigured, match=f"--create --topic {name}"):
        publisher.send(outgoing(b"k"))
    publisher.close()


def test_without_a_broker_sending_is_transient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consumer.adapters.kafka.publisher.CONNECT_SECONDS", 1.0)
    publisher = KafkaPublisher({"bootstrap.servers": "127.0.0.1:1"}, topic="t")
    with pytest.raises(Transient, match="refused"):
        publisher.send(outgoing(b"k"))
    publisher.close()


def test_a_flush_says_how_many_were_not_delivered(broker: Broker) -> None:
    topic = broker.topic(1, max_message_bytes=1000)
    publisher = KafkaPublisher(
        {"bootstrap.servers": broker.bootstrap, "compression.type": "none"}, topic=topic
    )
    publisher.send(outgoing(b"k", b'"' + b"x" * 5000 + b'"'))
    with pytest.raises(Transient, match=f"1 events were not delivered to {topic}"):
        publisher.flush()
    publisher.close()


def test_a_closed_publisher_says_so(broker: Broker) -> None:
    publisher = KafkaPublisher({"bootstrap.servers": broker.bootstrap}, topic="t")
    publisher.close()
    with pytest.raises(Closed):
        publisher.send(outgoing(b"k"))


def test_a_topic_is_made_once_and_left_as_it_is_afterwards(broker: Broker) -> None:
    name = f"t-{uuid.uuid4().hex[:8]}"
    config = {"bootstrap.servers": broker.bootstrap}
    assert create_topic(config, name, 3) is True
    assert create_topic(config, name, 5) is False
    assert len(broker.admin.list_topics(name, timeout=5).topics[name].partitions) == 3


def test_a_broker_that_makes_topics_by_itself_makes_none_for_a_publisher() -> None:
    """As brokers do by default; the topic would have one partition, whatever is asked for next."""
    with kafka_process({"auto.create.topics.enable": "true"}) as server:
        config = {"bootstrap.servers": server.bootstrap}
        publisher = KafkaPublisher(config, topic="orders")
        with pytest.raises(Misconfigured, match="--create --topic orders"):
            publisher.send(outgoing(b"k"))
        publisher.close()
        assert create_topic(config, "orders", 3) is True
        assert (
            len(
                Broker(server.bootstrap)
                .admin.list_topics("orders", timeout=5)
                .topics["orders"]
                .partitions
            )
            == 3
        )


# --- the log without membership ------------------------------------------------------------------


def log_of(broker: Broker, *topics: str) -> KafkaEventLog:
    return KafkaEventLog({"bootstrap.servers": broker.bootstrap}, topics=topics, codec=Plain())


def test_a_log_tells_its_partitions_and_ends_and_reads_in_steps(broker: Broker) -> None:
    topic = broker.topic(2)
    broker.fill(topic, 25, number=0)
    log = log_of(broker, topic)
    full, empty = Partition(topic, 0), Partition(topic, 1)
    assert log.partitions() == [full, empty]
    assert log.ends() == {full: IntOffset(24), empty: IntOffset(-1)}
    assert log.read(empty, None, 10) == []
    after, seen = None, []
    while events := log.read(full, after, 10):
        seen += [event.data for event in events]
        assert len(events) <= 10
        after = events[-1].offset
    assert seen == list(range(25))
    assert log.read(full, IntOffset(24), 10) == []
    broker.fill(topic, 2, first=25)
    assert [event.data for event in log.read(full, IntOffset(24), 10)] == [25, 26]
    assert [event.data for event in log.read(full, IntOffset(3), 2)] == [4, 5]
    assert [event.data for event in log.read(full, IntOffset(5), 2)] == [6, 7]
    log.close()


def test_a_log_is_the_same_log_to_a_source(broker: Broker) -> None:
    topic, other = broker.topic(1), broker.topic(2)
    log = log_of(broker, topic)
    source = KafkaSource(broker.config, topics=[topic], group=f"g-{topic}")
    member = Member(source, Recording())
    source.open(member.membership)
    member.poll_until(lambda: member.membership.logs, "claimed")
    assert member.membership.logs[Partition(topic, 0)] == log.identity(Partition(topic, 0))
    source.close()
    both = log_of(broker, topic, other)
    for place in (Partition(topic, 0), Partition(other, 1)):
        assert both.identity(place) == log_of(broker, place.topic).identity(place)
    log.close()
    both.close()


def test_an_open_transaction_is_not_part_of_the_log_yet(broker: Broker) -> None:
    topic = broker.topic(1)
    broker.transact(topic, b"1")  # offset 0, marker 1
    broker.transact(topic, b"2", commit=None)  # offset 2, open
    log = log_of(broker, topic)
    assert log.ends() == {Partition(topic, 0): IntOffset(1)}
    assert [event.data for event in log.read(Partition(topic, 0), None, 10)] == [1]
    assert log.read(Partition(topic, 0), IntOffset(0), 10) == []
    log.close()


def test_reading_outside_of_the_log_is_an_offset_lost(broker: Broker) -> None:
    topic = broker.topic(1)
    broker.fill(topic, 20)
    broker.cut(topic, 0, 10)
    log = log_of(broker, topic)
    with pytest.raises(OffsetLost, match="starts at 10"):
        log.read(Partition(topic, 0), IntOffset(3), 5)
    with pytest.raises(OffsetLost, match="ends before 20"):
        log.read(Partition(topic, 0), IntOffset(99), 5)
    with pytest.raises(OffsetLost, match="no place in a Kafka topic"):
        log.read(Partition(topic, 0), StreamOffset(1, 1), 5)
    assert [event.data for event in log.read(Partition(topic, 0), None, 2)] == [10, 11]
    log.close()


def test_what_comes_before_an_undecodable_record_is_returned_first(broker: Broker) -> None:
    topic = broker.topic(1)
    broker.fill(topic, 2)
    producer = Producer({"bootstrap.servers": broker.bootstrap})
    producer.produce(topic, b"bad")
    assert producer.flush(10) == 0
    broker.fill(topic, 2, first=3)
    log = log_of(broker, topic)
    assert [event.data for event in log.read(Partition(topic, 0), None, 10)] == [0, 1]
    with pytest.raises(Undecodable, match=f"{topic}/0 at offset 2"):
        log.read(Partition(topic, 0), IntOffset(1), 10)
    assert [event.data for event in log.read(Partition(topic, 0), IntOffset(2), 10)] == [3, 4]
    log.close()


def test_without_a_broker_reading_is_transient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consumer.adapters.kafka.client.CONNECT_SECONDS", 1.0)
    log = KafkaEventLog({"bootstrap.servers": "127.0.0.1:1"}, topics=["t"], codec=Plain())
    with pytest.raises(Transient, match="refused"):
        log.partitions()
    log.close()


def test_settings_of_a_topic_are_refused_before_any_connection() -> None:
    with pytest.raises(Misconfigured, match="'no topic!'"):
        KafkaEventLog({"bootstrap.servers": "x"}, topics=["no topic!"], codec=Plain())
