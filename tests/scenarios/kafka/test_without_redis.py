"""Checkpoints in PostgreSQL, and no Redis anywhere: kills, a zombie, and a PostgreSQL that goes away."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import psycopg

from consumer.adapters.postgresql.connection import Database
from consumer.adapters.postgresql.offset_store import PostgresqlOffsetStore
from consumer.embedded.postgresql import Postgresql
from tests.contracts.kafka_room import Broker
from tests.fleet import eventually
from tests.scenarios.kafka.story import Story, story
from tests.scenarios.kafka.test_restarts import it_is_away_while_events_flow
from tests.scenarios.kafka.test_zombie import a_worker_sleeps_past_its_session_and_wakes
from tests.scenarios.telling import (
    a_worker_is_killed_before_an_apply_and_another_before_its_commit,
)
from tests.servers import KafkaServer

NO_REDIS = "redis://redis.invalid:1/0"


def without_redis(kafka: KafkaServer, url: str, folder: Path) -> AbstractContextManager[Story]:
    store = PostgresqlOffsetStore(Database(url, seconds=5), schema="projections")
    settings = {"postgresql": {"url": url, "schema": "projections"}}
    return story(Broker(kafka.bootstrap), NO_REDIS, folder, offsets=(settings, store))


def test_kill_9_repeats_what_was_not_committed_and_loses_nothing(
    kafka: KafkaServer, postgresql: Any, tmp_path: Path
) -> None:
    with without_redis(kafka, postgresql.database(), tmp_path) as told:
        a_worker_is_killed_before_an_apply_and_another_before_its_commit(told)
        eventually(told.fleet.everything_is_applied, "everything is applied")
        eventually(told.fleet.everything_is_committed, "everything is committed")
        found = told.fleet.findings()
        assert found.wrong() == {}
        assert 1 <= len(found.repeated) <= 50


def test_a_zombies_commit_is_fenced_and_it_joins_again(
    kafka: KafkaServer, postgresql: Any, tmp_path: Path
) -> None:
    with without_redis(kafka, postgresql.database(), tmp_path) as told:
        zombie = a_worker_sleeps_past_its_session_and_wakes(told)
        eventually(lambda: zombie.said("rejoining"), "it left, and joins again")
        assert "Fenced" in str(zombie.said("rejoining")[0])
        told.publish(300)
        eventually(told.fleet.everything_is_applied, "everything is applied")
        eventually(told.fleet.everything_is_committed, "everything is committed")
        assert told.fleet.findings().wrong() == {}


def test_postgresql_restarts_and_nothing_is_lost(
    kafka: KafkaServer, own_postgresql: Callable[..., Postgresql], tmp_path: Path
) -> None:
    server = own_postgresql()
    with without_redis(kafka, server.url, tmp_path) as told:
        worker = it_is_away_while_events_flow(told, server.kill, server.start)
        assert worker.said("waiting")
        assert told.fleet.findings().wrong() == {}
        assert worker.stop() == 0


def test_a_worker_that_starts_before_postgresql_waits_for_it(
    kafka: KafkaServer, own_postgresql: Callable[..., Postgresql], tmp_path: Path
) -> None:
    server = own_postgresql()
    with without_redis(kafka, server.url, tmp_path) as told:
        told.publish(100)
        server.stop()
        worker = told.fleet.spawn()
        eventually(lambda: "PostgreSQL" in worker.log.read_text(), "it says what it waits for")
        server.start()
        eventually(told.fleet.everything_is_applied, "everything is applied")
        eventually(told.fleet.everything_is_committed, "everything is committed")
        assert worker.stop() == 0
        with psycopg.connect(server.url) as connection:
            held = connection.execute(
                "SELECT DISTINCT owner FROM projections.projection_checkpoints"
            ).fetchall()
        assert held == [("",)]
