"""A story on the run's own servers, with the rows in each kind of store."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.contracts.kafka_room import Broker
from tests.scenarios.read_models.stores import PostgresqlStore, RedisStore, SqliteStore, Store
from tests.scenarios.read_models.story import Begin, on_kafka, on_streams
from tests.servers import KafkaServer, RedisServer


@pytest.fixture(params=["sqlite", "postgresql", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty one."""
    if request.param == "sqlite":
        return SqliteStore(tmp_path / "rows.sqlite")
    server = request.getfixturevalue("postgresql" if request.param == "postgresql" else "valkey")
    if request.param == "redis":
        return RedisStore(server.url)
    return PostgresqlStore(server.database(), server.database)


@pytest.fixture
def begin(kafka: KafkaServer, valkey: RedisServer, tmp_path: Path, store: Store) -> Begin:
    """`with begin(partitions=4) as told:` with a topic, a prefix and a folder of its own."""
    return partial(on_kafka, Broker(kafka.bootstrap), valkey.url, tmp_path, store)


@pytest.fixture
def begin_on_streams(valkey: RedisServer, tmp_path: Path, store: Store) -> Begin:
    """The same with the events, and the offsets, in Redis."""
    return partial(on_streams, valkey.url, tmp_path, store)


@pytest.fixture
def begin_naive(kafka: KafkaServer, valkey: RedisServer, tmp_path: Path) -> Begin:
    """Workers that write their rows by themselves."""
    store = SqliteStore(tmp_path / "rows.sqlite")
    return partial(on_kafka, Broker(kafka.bootstrap), valkey.url, tmp_path, store, naive=True)
