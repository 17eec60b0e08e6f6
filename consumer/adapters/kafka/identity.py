"""Which log a topic is: the cluster's id and the topic's, and how many partitions it has."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from consumer.adapters.kafka.client import ASK_SECONDS, asked
from consumer.model.position import LogIdentity

#: What a broker without topic ids (before 2.8) tells: 16 zero bytes.
_NO_ID = "AAAAAAAAAAAAAAAAAAAAAA"
#: How long the question whether topics are still the same ones may take.
TELL_SECONDS = 1.0


class Identities:
    """The identities of topics; asked once, and again after `forget`."""

    def __init__(self, admin: AdminClient) -> None:
        self._admin = admin
        self._known: dict[str, LogIdentity] = {}

    def of(self, topic: str, topics: Collection[str]) -> LogIdentity:
        """The topic's identity, asked together with that of `topics`; `Transient` if the brokers do not
        tell.
        """
        if topic not in self._known:
            self._known = identities(self._admin, topics)
        return self._known[topic]

    def forget(self) -> None:
        """Asks again next time: the partitions changed, so the topic may be another one."""
        self._known = {}


def identities(admin: AdminClient, topics: Collection[str]) -> dict[str, LogIdentity]:
    """The identity of each topic; `Transient` if the brokers do not tell."""
    wanted = sorted(topics)
    # Asked for one topic, for without one it would tell of all that the cluster has.
    cluster = asked(lambda: admin.list_topics(wanted[0], timeout=ASK_SECONDS)).cluster_id
    answers = admin.describe_topics(TopicCollection(wanted), request_timeout=ASK_SECONDS)
    return {topic: _identity(cluster, asked(answer.result)) for topic, answer in answers.items()}


def topic_ids(admin: AdminClient, topics: Collection[str]) -> dict[str, str]:
    """The id of each topic, as it stands in its identity; "" for one that is gone or has none. What
    the brokers do not tell in `TELL_SECONDS` is left out.
    """
    answers = admin.describe_topics(TopicCollection(sorted(topics)), request_timeout=TELL_SECONDS)
    told: dict[str, str] = {}
    for topic, answer in answers.items():
        try:
            topic_id = str(answer.result().topic_id)
        except KafkaException as cause:
            if cause.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                told[topic] = ""
        else:
            told[topic] = "" if topic_id == _NO_ID else topic_id
    return told


def _identity(cluster: str | None, described: Any) -> LogIdentity:
    topic_id = str(described.topic_id)
    known = bool(cluster) and topic_id != _NO_ID
    return LogIdentity(f"{cluster}/{topic_id}" if known else "", len(described.partitions))
