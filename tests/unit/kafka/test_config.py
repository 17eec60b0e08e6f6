"""What users may say to librdkafka, and what they may not."""

from __future__ import annotations

import pytest

from consumer.adapters.kafka.config import (
    admin_config,
    consumer_config,
    problems,
    producer_config,
    validated_topics,
)
from consumer.errors import Misconfigured

OK = {"bootstrap.servers": "localhost:9092"}


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
    ],
)
def test_what_is_ours_or_loads_code_is_refused_by_name(name: str) -> None:
    (problem,) = problems({**OK, name: "secret-value"})
    assert problem.startswith(name + ": ")
    assert "secret-value" not in problem


def test_tls_stays_on() -> None:
    found = problems(
        {
            **OK,
            "ssl.endpoint.identification.algorithm": "none",
            "enable.ssl.certificate.verification": False,
        }
    )
    assert [line.split(":")[0] for line in found] == [
        "ssl.endpoint.identification.algorithm",
        "enable.ssl.certificate.verification",
    ]


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
