"""What users may say to librdkafka, and what they may not."""

from __future__ import annotations

import re
from functools import partial

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient

from consumer.adapters.kafka.config import (
    admin_config,
    consumer_config,
    problems,
    producer_config,
    validated_topics,
)
from consumer.errors import Misconfigured

OK = {"bootstrap.servers": "localhost:9092"}
USER = {"sasl.username": "someone", "sasl.password": "hunter2"}


def test_the_guarantees_are_set_whatever_else_is() -> None:
    made = consumer_config({**OK, "fetch.min.bytes": 10}, group="g")
    assert made["group.id"] == "g"
    assert made["enable.auto.commit"] == "false"
    assert made["enable.auto.offset.store"] == "false"
    assert made["auto.offset.reset"] == "error"
    assert made["enable.partition.eof"] == "true"
    assert made["partition.assignment.strategy"] == "cooperative-sticky"
    assert made["fetch.min.bytes"] == "10"


def test_defaults_may_be_changed() -> None:
    made = consumer_config({**OK, "queued.min.messages": 7}, group="g")
    assert made["queued.min.messages"] == "7"
    assert made["fetch.queue.backoff.ms"] == "10"


@pytest.mark.parametrize(
    "name",
    [
        "group.id",
        "enable.auto.commit",
        "enable.auto.offset.store",
        "auto.offset.reset",
        "enable.partition.eof",
        "partition.assignment.strategy",
        "partitioner",
        "plugin.library.paths",
        "ssl.engine.location",
        "ssl.providers",
        "sasl.kerberos.kinit.cmd",
        "default.topic.config",
    ],
)
def test_what_is_ours_or_loads_code_is_refused_by_name(name: str) -> None:
    (problem,) = problems({**OK, name: "secret-value"})
    assert problem.startswith(name + ": ")
    assert "secret-value" not in problem


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[
            ("ssl.endpoint.identification.algorithm", value)
            for value in ("none", " none", "NONE\t", "")
        ],
        *[
            ("enable.ssl.certificate.verification", value)
            for value in (False, "false", "F", "f", "0", 0, "no", "")
        ],
    ],
)
def test_tls_stays_on(name: str, value: str | int) -> None:
    (problem,) = problems({**OK, name: value})
    assert problem.startswith(f"{name}: refused, TLS without it")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ssl.endpoint.identification.algorithm", "https"),
        ("ssl.endpoint.identification.algorithm", "HTTPS"),
        ("enable.ssl.certificate.verification", True),
        ("enable.ssl.certificate.verification", "true"),
        ("enable.ssl.certificate.verification", 1),
    ],
)
def test_tls_may_be_said_to_stay_on(name: str, value: str | int) -> None:
    assert problems({**OK, name: value}) == []


def test_all_problems_come_at_once() -> None:
    config = {
        "group.id": "mine",
        "no.such.property": 1,
        "session.timeout.ms": "soon",
        "fetch.min.bytes": 5,
    }
    with pytest.raises(Misconfigured) as caught:
        consumer_config(config, group="g")
    text = str(caught.value)
    for name in ("group.id: ", "bootstrap.servers: ", "no.such.property: ", "session.timeout.ms: "):
        assert name in text
    assert "fetch.min.bytes" not in text


def test_what_librdkafka_refuses_as_a_whole_is_told_too() -> None:
    (problem,) = problems(
        {**OK, "security.protocol": "sasl_plaintext", "sasl.mechanism": "SCRAM-SHA-512"}
    )
    assert "sasl.username" in problem


def test_the_new_protocol_leaves_the_strategy_and_the_session_to_the_broker() -> None:
    new = {**OK, "group.protocol": "consumer"}
    assert "partition.assignment.strategy" not in consumer_config(new, group="g")
    (problem,) = problems({**new, "session.timeout.ms": 6000})
    assert problem.startswith("session.timeout.ms: with group.protocol: consumer")


def test_every_client_has_an_id_of_its_own_behind_the_users_prefix() -> None:
    one = consumer_config({**OK, "client.id": "shop"}, group="g")["client.id"]
    two = consumer_config({**OK, "client.id": "shop"}, group="g")["client.id"]
    assert one != two
    assert one.startswith("shop-")
    assert admin_config(OK)["client.id"].startswith("admin-")


def test_a_publisher_is_idempotent_and_partitions_as_java_does() -> None:
    made = producer_config({**OK, "linger.ms": 5})
    assert made["enable.idempotence"] == "true"
    assert made["partitioner"] == "murmur2_random"
    assert made["linger.ms"] == "5"


@pytest.mark.parametrize("topic", ["", "^orders.*", "a b", "x" * 250])
def test_a_topic_is_a_name_and_no_pattern(topic: str) -> None:
    with pytest.raises(Misconfigured, match="not the name of a topic"):
        validated_topics([topic])


def test_no_topic_is_no_source() -> None:
    with pytest.raises(Misconfigured, match="no topic"):
        validated_topics([])


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"reconnect.backoff.ms": 5000}, "`reconnect.backoff.max.ms` must be >="),
        ({"fetch.max.bytes": 5000}, "`fetch.max.bytes` must be >= `message.max.bytes`"),
        ({"acks": 1}, "`acks` must be set to `all`"),
        ({"max.in.flight.requests.per.connection": 10}, "`max.in.flight` must be set <= 5"),
        ({"queuing.strategy": "lifo"}, "`queuing.strategy` must be set to `fifo`"),
        ({"delivery.timeout.ms": 10}, "`message.timeout.ms` must be greater than `linger.ms`"),
        ({"group.protocol": " consumer", "session.timeout.ms": 6000}, "session.timeout.ms: with"),
    ],
)
def test_what_does_not_fit_what_we_set_is_misconfigured_and_no_surprise_later(
    given: dict[str, str | int], named: str
) -> None:
    for made in (partial(consumer_config, group="g"), producer_config, admin_config):
        with pytest.raises(Misconfigured, match=re.escape(named)):
            made({**OK, **given})


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"message.max.bytes": 5_000_000},
        {"message.max.bytes": "5000000", "fetch.max.bytes": 6_000_000},
        {"reconnect.backoff.ms": 1_000, "reconnect.backoff.max.ms": 5_000},
        {"acks": "all", "delivery.timeout.ms": 5_000, "session.timeout.ms": 6_000},
        {"group.protocol": "consumer"},
        {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN", **USER},
    ],
)
def test_what_is_not_refused_makes_clients(given: dict[str, str | int]) -> None:
    config = {"bootstrap.servers": "127.0.0.1:1", "log_level": 0, **given}
    Consumer(consumer_config(config, group="g")).close()
    Producer(producer_config(config))
    AdminClient(admin_config(config))


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"security.protocol": "hunter2"}, "security.protocol"),
        ({"socket.timeout.ms": "hunter2"}, "socket.timeout.ms"),
        ({"debug": "hunter2"}, "debug"),
        ({"topic.blacklist": "^hunter2["}, "topic.blacklist"),
        ({"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "hunter2"}, "sasl.mechanism"),
        (
            {
                "security.protocol": "ssl",
                "ssl.keystore.location": "/hunter2",
                "ssl.keystore.password": "hunter2",
            },
            "ssl.keystore.location",
        ),
        ({"security.protocol": "ssl", "ssl.key.pem": "hunter2"}, "ssl.key.pem"),
        ({"ssl.endpoint.identification.algorithm": "hunter2"}, "ssl.endpoint"),
    ],
)
def test_a_problem_names_the_property_and_never_the_value(given: dict[str, str], name: str) -> None:
    found = problems({**OK, "linger.ms": 5, **given})
    assert name in "\n".join(found)
    assert "hunter2" not in "\n".join(found)
    assert "linger.ms" not in "\n".join(found)


def test_a_value_out_of_its_range_is_told_with_the_range() -> None:
    (problem,) = problems({**OK, "queued.min.messages": 0})
    assert problem == "queued.min.messages: it takes 1..10000000"
