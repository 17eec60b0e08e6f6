"""Kafka as in production: every way in works, and each mistake is told in one line."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

import pytest

from consumer.adapters.codecs.cloudevents import CloudEvents
from consumer.adapters.kafka import client
from consumer.adapters.kafka.client import Complaints, connected_consumer
from consumer.adapters.kafka.config import Config, Properties, consumer_config, problems
from consumer.adapters.kafka.event_log import KafkaEventLog
from consumer.adapters.kafka.publisher import KafkaPublisher, create_topic
from consumer.adapters.kafka.source import KafkaSource
from consumer.adapters.kafka.token import TokenFunction
from consumer.errors import Misconfigured, SourceFailed, Transient
from consumer.model.outgoing import Outgoing
from tests.contracts.redis_room import Recording, eventually
from tests.secured import SecuredKafka

WRONG = "wr0ng-s3cret"
PLACED = Outgoing(b"order-1", {"id": "1", "source": "/shop", "type": "OrderPlaced"}, b"{}")


@pytest.fixture(autouse=True)
def one_broker_is_soon_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """With several brokers one may be the odd one, so that a client has some patience."""
    monkeypatch.setattr(client, "REFUSED_SECONDS", 0.5)
    monkeypatch.setattr(client, "CONNECT_SECONDS", 3.0)


def tokens(kafka: SecuredKafka) -> Properties:
    """A configuration whose tokens a function of the test's gives."""
    return {**kafka.token(), "oauth_cb": TokenFunction("shop:token", kafka.issuer.token)}


WAYS: dict[str, Callable[[SecuredKafka], Properties]] = {
    "SCRAM": lambda kafka: kafka.scram(),
    "mutual TLS": lambda kafka: kafka.mutual(),
    "OIDC": lambda kafka: kafka.oidc(),
    "tokens": tokens,
}


def connect(config: Config) -> None:
    connected_consumer(consumer_config(config, group="g"), "any", Complaints()).close()


@pytest.mark.parametrize("way", WAYS)
def test_what_is_published_is_read_by_every_way_in(secured_kafka: SecuredKafka, way: str) -> None:
    config = WAYS[way](secured_kafka)
    topic = f"orders-{uuid.uuid4().hex}"
    assert create_topic(config, topic, 1)
    with closing(KafkaPublisher(config, topic=topic)) as publisher:
        publisher.send(PLACED)
        publisher.flush()

    with closing(KafkaEventLog(config, topics=[topic], codec=CloudEvents())) as log:
        (partition,) = log.partitions()
        (event,) = log.read(partition, None, 10)

    assert event.type == "OrderPlaced"


@dataclass(frozen=True)
class Mistake:
    config: Callable[[SecuredKafka], Properties]
    told: str


MISTAKES = {
    "a wrong password": Mistake(
        lambda kafka: kafka.scram(sasl_password=WRONG), "invalid credentials.*mend the credentials"
    ),
    "an unknown user": Mistake(
        lambda kafka: kafka.scram(sasl_username="nobody"), "invalid credentials.*mend"
    ),
    "another mechanism": Mistake(
        lambda kafka: kafka.scram(sasl_mechanism="SCRAM-SHA-256"),
        "supported mechanisms: SCRAM-SHA-512",
    ),
    "an unknown authority": Mistake(
        lambda kafka: kafka.scram(ssl_ca_location=str(kafka.certificates.other_ca)),
        "nobody we trust signed it.*ssl.ca.location",
    ),
    "an expired certificate of the broker": Mistake(
        lambda kafka: kafka.mutual(bootstrap_servers=kafka.at("expired")), "it has expired"
    ),
    "a wrong host name": Mistake(
        lambda kafka: kafka.mutual(bootstrap_servers=kafka.at("misnamed")),
        "does not name 127.0.0.1",
    ),
    "an expired certificate of ours": Mistake(
        lambda kafka: kafka.mutual(
            ssl_certificate_location=str(kafka.certificates.expired_client.chain),
            ssl_key_location=str(kafka.certificates.expired_client.key),
        ),
        "the broker does not take our certificate",
    ),
    "no certificate": Mistake(
        lambda kafka: {
            name: value
            for name, value in kafka.mutual().items()
            if name not in {"ssl.certificate.location", "ssl.key.location"}
        },
        "certificate required.*is one named",
    ),
    "a wrong secret of OIDC": Mistake(
        lambda kafka: kafka.oidc(sasl_oauthbearer_client_secret=WRONG), "invalid_client"
    ),
    "a token that the broker does not know": Mistake(
        lambda kafka: {
            **kafka.token(),
            "oauth_cb": TokenFunction("shop:token", lambda: (WRONG, time.time() + 60)),
        },
        "invalid_token.*mend the credentials",
    ),
    "TLS to a plaintext port": Mistake(
        lambda kafka: kafka.scram(bootstrap_servers=kafka.server.bootstrap), "speaks plaintext"
    ),
    "plaintext to a TLS port": Mistake(
        lambda kafka: {"bootstrap.servers": kafka.at("mutual")}, "speaks TLS.*make it SSL"
    ),
    "SASL without TLS to a TLS port": Mistake(
        lambda kafka: kafka.scram(security_protocol="SASL_PLAINTEXT"), "speaks TLS"
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_in_one_line_without_a_secret(
    secured_kafka: SecuredKafka, mistake: str, caplog: pytest.LogCaptureFixture
) -> None:
    config = MISTAKES[mistake].config(secured_kafka)

    with pytest.raises(Misconfigured, match=MISTAKES[mistake].told) as raised:
        connect(config)

    said = str(raised.value)
    assert "\n" not in said
    for secret in (WRONG, secured_kafka.password, secured_kafka.issuer.secret):
        assert secret not in said + caplog.text


@pytest.mark.parametrize("mistake", ["a wrong password", "an unknown authority"])
def test_every_client_tells_it(secured_kafka: SecuredKafka, mistake: str) -> None:
    config, told = MISTAKES[mistake].config(secured_kafka), MISTAKES[mistake].told

    with pytest.raises(Misconfigured, match=told):
        KafkaPublisher(config, topic="orders").send(PLACED)
    with pytest.raises(Misconfigured, match=told):
        create_topic(config, "orders", 1)
    with pytest.raises(Misconfigured, match=told):
        KafkaEventLog(config, topics=["orders"], codec=CloudEvents()).partitions()
    with pytest.raises(Misconfigured, match=told):
        KafkaSource(config, topics=["orders"], group="g").open(Recording())


def test_a_broker_that_is_away_is_an_outage_and_no_mistake(secured_kafka: SecuredKafka) -> None:
    away = secured_kafka.scram(bootstrap_servers="127.0.0.1:1")

    with pytest.raises(SourceFailed, match="Connection refused"):
        connect(away)
    with pytest.raises(Transient, match="Connection refused"):
        KafkaEventLog(away, topics=["orders"], codec=CloudEvents()).partitions()


def test_an_issuer_that_is_away_is_an_outage_and_no_mistake(secured_kafka: SecuredKafka) -> None:
    away = secured_kafka.oidc(sasl_oauthbearer_token_endpoint_url="http://127.0.0.1:1/token")

    with pytest.raises(SourceFailed, match="Could not connect"):
        connect(away)


def test_a_token_function_that_raises_is_an_outage_and_its_words_are_not_told(
    secured_kafka: SecuredKafka, caplog: pytest.LogCaptureFixture
) -> None:
    def token() -> object:
        raise ConnectionError(WRONG)

    config: Properties = {**secured_kafka.token(), "oauth_cb": TokenFunction("shop:token", token)}

    with pytest.raises(SourceFailed, match="shop:token raised ConnectionError") as raised:
        connect(config)
    assert raised.value.__cause__ is None
    assert WRONG not in str(raised.value) + caplog.text
    with pytest.raises(Transient, match="shop:token raised ConnectionError"):
        KafkaEventLog(config, topics=["orders"], codec=CloudEvents()).partitions()


def test_a_token_is_asked_for_again_before_it_expires(secured_kafka: SecuredKafka) -> None:
    asked: list[float] = []

    def token() -> object:
        asked.append(time.monotonic())
        return secured_kafka.issuer.token()[0], time.time() + 3

    config: Properties = {**secured_kafka.token(), "oauth_cb": TokenFunction("shop:token", token)}
    consumer = connected_consumer(consumer_config(config, group="g"), "any", Complaints())

    eventually(lambda: len(asked) > 1, "it is asked again")
    consumer.close()


def test_settings_are_looked_through_without_a_token(secured_kafka: SecuredKafka) -> None:
    given = secured_kafka.issuer.given

    assert problems(secured_kafka.oidc()) == []
    assert problems(tokens(secured_kafka)) == []

    assert secured_kafka.issuer.given == given


def test_a_log_that_is_refused_later_is_opened_with_the_secret_as_it_is_then(
    secured_kafka: SecuredKafka, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)  # librdkafka tells of every attempt
    user, topic = f"reader-{uuid.uuid4().hex}", f"orders-{uuid.uuid4().hex}"
    secured_kafka.scram_user(user, "first")
    secured_kafka.allow(user, "topic", topic, "read", "describe")
    create_topic(secured_kafka.scram(), topic, 1)
    password = "first"
    log = KafkaEventLog(
        lambda: secured_kafka.scram(sasl_username=user, sasl_password=password),
        topics=[topic],
        codec=CloudEvents(),
    )
    (partition,) = log.partitions()

    password = "second"
    secured_kafka.scram_user(user, password)
    secured_kafka.server.restart()

    def is_read() -> bool:
        try:
            return list(log.ends()) == [partition]
        except Transient:
            return False

    eventually(is_read, "it is read again")
    log.close()
