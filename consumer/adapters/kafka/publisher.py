"""Publishing to a Kafka topic, as CloudEvents in structured mode."""

from __future__ import annotations

from collections.abc import Mapping

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from confluent_kafka.cimpl import NewTopic

from consumer.adapters.kafka.client import (
    ASK_SECONDS,
    CONNECT_SECONDS,
    LOGGER,
    Complaints,
    asking,
    or_transient,
    reach,
    require_topics,
)
from consumer.adapters.kafka.config import (
    Config,
    admin_config,
    producer_config,
    validated,
    validated_topics,
)
from consumer.errors import Closed, Misconfigured, Transient
from consumer.model.outgoing import Outgoing

#: CloudEvents' Kafka binding, structured mode: the whole event is the value.
_HEADERS: list[tuple[str, str | bytes | None]] = [
    ("content-type", b"application/cloudevents+json; charset=UTF-8")
]
_MISSING_TOPIC = frozenset(
    {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001  librdkafka's own codes are spelled so
        KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001
    }
)


class KafkaPublisher:
    """A `Publisher` on one topic: idempotent, lz4, and the partition of a key is the one that Java's
    producers pick.
    """

    def __init__(self, config: Config, *, topic: str) -> None:
        """Raises `Misconfigured` with all that is wrong; needs no broker. Connects with the first event."""
        self._config = validated(config)
        (self._topic,) = validated_topics([topic])
        self._producer: Producer | None = None
        self._closed = False
        self._undelivered = 0
        self._why: KafkaError | None = None

    def send(self, event: Outgoing) -> None:
        """Hands the event over. Waits while the client's buffers are full.

        Raises `Misconfigured` for an unknown topic, and `Transient` when no broker answers or earlier
        events were not delivered.
        """
        producer = self._connected()
        value = event.structured()
        while True:
            try:
                producer.produce(
                    self._topic,
                    value,
                    event.key,
                    headers=_HEADERS,
                    on_delivery=self._undelivered_one,
                )
            except BufferError:
                producer.poll(0.1)
                self._raise_undelivered()
            except KafkaException as cause:
                raise Misconfigured(
                    f"{self._topic} does not take the event: {cause.args[0].str()}"
                ) from cause
            else:
                producer.poll(0)
                return

    def flush(self) -> None:
        """Returns once every event is in the log; `Transient` says how many are not."""
        if self._producer is None:
            return
        self._producer.flush()  # ends: what is not delivered within message.timeout.ms fails
        self._raise_undelivered()

    def close(self) -> None:
        """Flushes and lets the connection go. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        try:
            self.flush()
        finally:
            self._producer = None

    def _connected(self) -> Producer:
        if self._closed:
            raise Closed(f"the publisher of {self._topic} is closed")
        if self._producer is None:
            complaints = Complaints()
            with or_transient():
                properties = producer_config(self._config)
                ours = {"delivery.report.only.error": True, "error_cb": complaints.heard}
                producer = Producer({**properties, **ours}, logger=LOGGER)
                reach(producer, properties, self._topic, complaints)
            require_topics(producer, [self._topic])
            self._producer = producer
        return self._producer

    def _undelivered_one(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            self._undelivered += 1
            self._why = error

    def _raise_undelivered(self) -> None:
        count, why = self._undelivered, self._why
        if why is None:
            return
        self._undelivered, self._why = 0, None
        if why.code() in _MISSING_TOPIC:
            raise Misconfigured(
                f"the topic {self._topic} is gone; {count} events were not delivered"
            )
        raise Transient(f"{count} events were not delivered to {self._topic}: {why.str()}")


def create_topic(config: Config, topic: str, partitions: int) -> bool:
    """Makes the topic with the broker's own replication; False if it exists already, as it is."""
    (name,) = validated_topics([topic])
    complaints = Complaints()
    with or_transient():
        properties = admin_config(config)
        admin = asking(properties, complaints)
        reach(admin, properties, name, complaints)
    answers: Mapping[str, object] = admin.create_topics(
        [NewTopic(name, num_partitions=partitions)], request_timeout=CONNECT_SECONDS
    )
    try:
        answers[name].result(timeout=CONNECT_SECONDS + ASK_SECONDS)  # type: ignore[attr-defined]  # a future
    except KafkaException as cause:
        error = cause.args[0]
        if error.code() == KafkaError.TOPIC_ALREADY_EXISTS:
            return False
        if error.retriable() or error.code() < 0:
            raise Transient(f"{name} was not made: {error.str()}") from cause
        raise Misconfigured(f"{name} cannot be made: {error.str()}") from cause
    return True
