"""Kafka as a log read without membership."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NoReturn

from confluent_kafka import Consumer, KafkaError, TopicPartition
from confluent_kafka.admin import AdminClient

from consumer.adapters.kafka.client import (
    ASK_SECONDS,
    OUT_OF_RANGE,
    Complaints,
    asking,
    connected_consumer,
    or_transient,
    require_topics,
)
from consumer.adapters.kafka.config import (
    Config,
    admin_config,
    consumer_config,
    validated,
    validated_topics,
)
from consumer.adapters.kafka.ends import ends_of
from consumer.adapters.kafka.identity import identities
from consumer.adapters.kafka.oldest import Oldest
from consumer.adapters.kafka.records import Message, records_of
from consumer.adapters.kafka.start import first_offset, watermarks
from consumer.errors import OffsetLost, Transient, Undecodable
from consumer.model.event import Event
from consumer.model.lag import NO_LAG, Lag
from consumer.model.position import IntOffset, LogIdentity, Offset, Partition
from consumer.model.start import Start
from consumer.ports.codec import Codec

#: A client needs the name of a group to exist; nobody joins this one, and nothing is committed to it.
_NO_GROUP = "reader-without-a-group"
_END_OF_PARTITION = KafkaError._PARTITION_EOF  # noqa: SLF001  librdkafka's own codes are spelled so


class KafkaEventLog:
    """An `EventLog` on Kafka. It joins no group, so reading disturbs no fleet. Connects when first asked."""

    def __init__(self, config: Config, *, topics: Collection[str], codec: Codec) -> None:
        """Raises `Misconfigured` with all that is wrong; needs no broker."""
        self._config = validated(config)
        self._topics = validated_topics(topics)
        self._codec = codec
        self._complaints = Complaints()
        self._connected: Consumer | None = None
        self._asks: AdminClient | None = None
        self._oldest = Oldest(self._properties, self._topics[0])
        self._isolation = ""
        #: Where the client reads on without being moved: the partition, and the last offset read.
        self._place: tuple[Partition, int] | None = None

    def identity(self, partition: Partition) -> LogIdentity:
        """As `EventLog.identity`: the topic's, the same that the source tells."""
        return self._identities()[partition.topic]

    def partitions(self) -> Sequence[Partition]:
        """All partitions of the topics, in order."""
        known = self._identities()
        return [
            Partition(topic, n) for topic in self._topics for n in range(known[topic].partitions)
        ]

    def ends(self) -> Mapping[Partition, Offset]:
        """For each partition the last offset before its end, of what is committed; -1 while empty.

        A partition that retention emptied ends at the last offset it ever had.
        """
        partitions = self.partitions()
        ends = self._ends(partitions)
        if untold := [str(each) for each in partitions if each not in ends]:
            raise Transient(f"Kafka does not tell where these end: {', '.join(untold)}")
        return {each: IntOffset(end - 1) for each, end in ends.items()}

    def lag(self, offsets: Mapping[Partition, Offset]) -> Mapping[Partition, Lag]:
        """As `EventLog.lag`; where `read` stands does not change. The end is that of what is committed, as
        far as a projection can read.

        A partition is left out too if something lies behind its offset and the brokers do not send it in
        time, and never did: its age is not known, and must not look like none.
        """
        through = {each: at.value for each, at in offsets.items() if isinstance(at, IntOffset)}
        ends = self._ends(through)
        events = {each: max(0, end - 1 - through[each]) for each, end in ends.items()}
        oldest = self._behind({each: through[each] for each, count in events.items() if count})
        return {
            each: Lag(count, oldest[each]) if count else NO_LAG
            for each, count in events.items()
            if not count or each in oldest
        }

    def before(self, partition: Partition, start: Start) -> Offset:
        """As `EventLog.before`."""
        return first_offset(self._client(), self._admin(), partition, start)

    def read(self, partition: Partition, after: Offset | None, limit: int) -> Sequence[Event]:
        """Up to `limit` events behind `after`, as `EventLog.read` says."""
        client = self._client()
        through = self._after(client, partition, after)
        if self._place != (partition, through):
            client.assign([TopicPartition(partition.topic, partition.number, through + 1)])
        self._place = None
        messages, ended = self._fetched(client, partition, through, limit)
        records = records_of(partition, messages)
        events: list[Event] = []
        for record in records:
            try:
                events.append(self._codec.decode(record))
            except Undecodable:
                if not events:
                    raise
                return events
        if messages and not ended:
            self._place = (partition, messages[-1].offset())
        return events

    def close(self) -> None:
        """Lets the connection go. Safe to call twice."""
        client, self._connected, self._asks = self._connected, None, None
        self._complaints = Complaints()
        self._oldest.close()
        if client is not None:
            client.close()

    def _client(self) -> Consumer:
        self._let_go_if_refused()
        if self._connected is None:
            with or_transient():
                client = connected_consumer(self._properties(), self._topics[0], self._complaints)
            self._connected = client
            self._place = None
            require_topics(client, self._topics)
        return self._connected

    def _identities(self) -> dict[str, LogIdentity]:
        self._client()
        return identities(self._admin(), self._topics)

    def _admin(self) -> AdminClient:
        self._let_go_if_refused()
        if self._asks is None:
            with or_transient():
                properties = admin_config(self._config)
            self._isolation = properties.get("isolation.level", "")
            self._asks = asking(properties, self._complaints)
        return self._asks

    def _let_go_if_refused(self) -> None:
        """Whoever is refused is made anew, with the secrets as they are then."""
        if self._complaints.verdict() is not None:
            self.close()

    def _properties(self) -> dict[str, Any]:
        return consumer_config(self._config, group=_NO_GROUP)

    def _ends(self, partitions: Collection[Partition]) -> dict[Partition, int]:
        admin = self._admin()
        return ends_of(admin, partitions, isolation=self._isolation)

    def _behind(self, offsets: Mapping[Partition, int]) -> dict[Partition, datetime | None]:
        with or_transient():
            return self._oldest.behind(offsets)

    def _after(self, client: Consumer, partition: Partition, after: Offset | None) -> int:
        if after is None:
            return watermarks(client, partition)[0] - 1
        if isinstance(after, IntOffset):
            return after.value
        raise OffsetLost(f"{partition}: {after} is no place in a Kafka topic")

    def _fetched(
        self, client: Consumer, partition: Partition, through: int, limit: int
    ) -> tuple[list[Message], bool]:
        """What is there, and whether the end was reached."""
        messages: list[Message] = []
        until = time.monotonic() + ASK_SECONDS
        while len(messages) < limit:
            arrived = client.consume(limit - len(messages), 0) or _one(client)
            for each in arrived:
                error = each.error()
                if error is None:
                    messages.append(each)
                    until = time.monotonic() + ASK_SECONDS
                elif error.code() == _END_OF_PARTITION:
                    return messages, True
                elif error.code() in OUT_OF_RANGE:
                    _lost(client, partition, through)
                else:
                    self._complaints.heard(error)
            if verdict := self._complaints.verdict():
                self.close()
                raise Transient(str(verdict)) from verdict
            if time.monotonic() > until:
                raise Transient(f"{partition}: Kafka sent nothing for {ASK_SECONDS:.0f} s")
        return messages, False


def _one(client: Consumer) -> list[Message]:
    message = client.poll(0.1)
    return [] if message is None else [message]


def _lost(client: Consumer, partition: Partition, through: int) -> NoReturn:
    low, high = watermarks(client, partition)
    raise OffsetLost(
        f"{partition}: the log starts at {low} and ends before {high}, so it cannot be read behind "
        f"offset {through}; reset the projection's offsets"
    )
