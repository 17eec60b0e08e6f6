"""A broker, or the Redis that holds the offsets, restarts in the middle of the work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from consumer.embedded.kafka import Kafka
from consumer.embedded.valkey import Valkey
from tests.contracts.kafka_room import Broker
from tests.fleet import Process, eventually
from tests.scenarios.kafka.story import Story, story
from tests.servers import KafkaServer, RedisServer


def it_is_away_while_events_flow(
    story: Story, stop: Callable[[], None], start: Callable[[], None]
) -> Process:
    """The worker sees it gone; it comes back, and the worker goes on."""
    fleet = story.fleet
    with story.publishing(200):
        worker = fleet.spawn()
        eventually(lambda: fleet.applied() > 50, "it applies")
        stop()
        seq = fleet.last_seq()
        eventually(
            lambda: worker.said("waiting") or fleet.quiet_for(2.0), "the worker stands still"
        )
        start()
        eventually(lambda: fleet.last_seq() > seq + 100, "it goes on")
    eventually(fleet.everything_is_applied, "everything is applied")
    eventually(fleet.everything_is_committed, "everything is committed")
    return worker


def test_the_broker_restarts_and_nothing_is_lost_or_repeated(
    own_kafka: Callable[..., Kafka], valkey: RedisServer, tmp_path: Path
) -> None:
    kafka = own_kafka()
    with story(Broker(kafka.bootstrap), valkey.url, tmp_path) as told:
        worker = it_is_away_while_events_flow(told, kafka.stop, kafka.start)
        found = told.fleet.findings()
        assert found.wrong() == {}
        assert found.repeated == []
        assert worker.stop() == 0


def test_a_worker_that_takes_every_error_of_the_client_for_fatal_fails_it(
    own_kafka: Callable[..., Kafka], valkey: RedisServer, tmp_path: Path
) -> None:
    kafka = own_kafka()
    with story(Broker(kafka.bootstrap), valkey.url, tmp_path, naive="raise") as told:
        told.publish(100)
        worker = told.fleet.spawn()
        eventually(lambda: told.fleet.applied() > 50, "it applies")
        kafka.stop()
        assert worker.ended() != 0


def test_redis_restarts_and_nothing_is_lost(
    kafka: KafkaServer, own_valkey: Callable[..., Valkey], tmp_path: Path
) -> None:
    valkey = own_valkey(append_only=True)
    with story(Broker(kafka.bootstrap), valkey.url, tmp_path) as told:
        worker = it_is_away_while_events_flow(told, valkey.kill, valkey.start)
        assert worker.said("waiting")
        assert told.fleet.findings().wrong() == {}
        assert worker.stop() == 0


def test_a_worker_that_expects_redis_to_be_there_fails_it(
    kafka: KafkaServer, own_valkey: Callable[..., Valkey], tmp_path: Path
) -> None:
    valkey = own_valkey(append_only=True)
    with story(Broker(kafka.bootstrap), valkey.url, tmp_path, naive="no-epoch") as told:
        told.publish(100)
        worker = told.fleet.spawn()
        eventually(lambda: told.fleet.applied() > 50, "it applies")
        valkey.kill()
        told.publish(100)
        assert worker.ended() != 0
