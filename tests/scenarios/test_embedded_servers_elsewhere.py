"""An embedded server at another address of this machine, as pods and containers reach it."""

from __future__ import annotations

from pathlib import Path

import psycopg
from confluent_kafka.admin import AdminClient
from redis import Redis

from consumer.embedded.kafka import Kafka
from consumer.embedded.postgresql import Postgresql
from consumer.embedded.process import exchange
from consumer.embedded.valkey import Valkey
from tests.servers import KafkaServer, postgresql_programs_on_path, valkey_binary

#: Loopback too, and another address.
ELSEWHERE = "127.0.0.2"


def test_a_valkey_listens_where_it_is_told_alone(tmp_path: Path) -> None:
    with Valkey(folder=tmp_path, server=valkey_binary(), host=ELSEWHERE) as server:
        client = Redis.from_url(server.url)
        assert client.ping()
        assert client.config_get("protected-mode") == {"protected-mode": "no"}
        client.close()
        assert exchange(server.port, b"PING\r\n") == b""


def test_a_postgresql_lets_in_who_comes_from_the_network_of_its_address() -> None:
    with Postgresql(programs=postgresql_programs_on_path(), host=ELSEWHERE) as server:
        assert ELSEWHERE in server.url
        with psycopg.connect(server.url) as connection:
            found = connection.execute("SELECT inet_server_addr()::text").fetchone()
    assert found == (f"{ELSEWHERE}/32",)


def test_a_kafka_sends_its_clients_to_the_address_that_it_is_told(kafka: KafkaServer) -> None:
    assert kafka  # as for `own_kafka`
    with Kafka(host=ELSEWHERE) as server:
        admin = AdminClient({"bootstrap.servers": server.bootstrap})
        brokers = admin.list_topics(timeout=20).brokers.values()
        assert {(each.host, each.port) for each in brokers} == {(ELSEWHERE, server.port)}
