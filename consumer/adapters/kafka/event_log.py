"""Kafka as a log read without membership."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NoReturn

from confluent_kafka import Consumer, TopicPartition
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
from consumer.adapters.kafka.ends import ends_of, untold
from consumer.adapters.kafka.identity import identities
from consumer.adapters.kafka.lags import Lags
from consumer.adapters.kafka.records import END_OF_PARTITION, Message, arriving, records_of
from consumer.adapters.kafka.start import first_offset, watermarks
from consumer.errors import OffsetLost, Transient, Undecodable
from consumer.model.event import Event, parts
from consumer.model.lag import Lag
from consumer.model.position import IntOffset, LogIdentity, Offset, Partition
from consumer.model.start import Start
from consumer.ports.codec import Codec

#: A client needs the name of a group to exist; nobody joins this one, and nothing is committed to it.
_NO_GROUP = "reader-without-a-group"


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
        self._lags = Lags(self._properties, self._topics[0])
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
        admin = self._admin()
        ends = ends_of(admin, partitions, isolation=self._isolation)
        if missing := [each for each in partitions if each not in ends]:
            raise untold(missing)
        return {each: IntOffset(end - 1) for each, end in ends.items()}

    def lag(self, offsets: Mapping[Partition, Offset]) -> Mapping[Partition, Lag]:
        """As `EventLog.lag`; where `read` stands does not change. As Kafka's tools count, to the end of all
        that was written: beyond `ends` where a transaction is open.

        Left out too is an offset beyond that end, and a partition whose age the brokers do not tell in time.
        """
        ours = {each: at.value for each, at in offsets.items() if isinstance(at, IntOffset)}
        admin = self._admin()
        return self._lags.behind(admin, ours, isolation=self._isolation)

    def before(self, partition: Partition, start: Start) -> Offset:
        """As `EventLog.before`."""
        return first_offset(self._client(), self._admin(), partition, start)

    def read(self, partition: Partition, after: Offset | None, limit: int) -> Sequence[Event]:
        """The events of up to `limit` records behind `after`, as `EventLog.read` says."""
        client = self._client()
        through = self._after(client, partition, after)
        if self._place != (partition, through):
            client.assign([TopicPartition(partition.topic, partition.number, through + 1)])
        self._place = None
        events: list[Event] = []
        while not events:
            messages, ended = self._fetched(client, partition, through, limit)
            for record in records_of(partition, messages):
                try:
                    events += parts(self._codec.decode(record))
                except (Undecodable, Transient):
                    if not events:
                        raise
                    return events
            if ended:
                return events
            through = messages[-1].offset()
        self._place = (partition, through)
        return events

    def close(self) -> None:
        """Lets the connection go. Safe to call twice."""
        client, self._connected, self._asks = self._connected, None, None
        self._complaints = Complaints()
        self._lags.close()
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
            arrived = arriving(client, limit - len(messages))
            for each in arrived:
                error = each.error()
                if error is None:
                    messages.append(each)
                    until = time.monotonic() + ASK_SECONDS
                elif error.code() == END_OF_PARTITION:
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


def _lost(client: Consumer, partition: Partition, through: int) -> NoReturn:
    low, high = watermarks(client, partition)
    raise OffsetLost(
        f"{partition}: the log starts at {low} and ends before {high}, so it cannot be read behind "
        f"offset {through}; reset the projection's offsets"
    )
