"""The server of the rows is stopped, or killed, in the middle of the work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from consumer.embedded.postgresql import Postgresql
from consumer.embedded.valkey import Valkey
from tests.contracts.kafka_room import Broker
from tests.fleet import eventually
from tests.scenarios.read_models.stores import PostgresqlStore, RedisStore, Store
from tests.scenarios.read_models.story import on_kafka
from tests.servers import KafkaServer, RedisServer


@pytest.fixture(params=["postgresql", "redis"])
def server(request: pytest.FixtureRequest) -> Postgresql | Valkey:
    found: Postgresql | Valkey
    if request.param == "postgresql":
        found = request.getfixturevalue("own_postgresql")()
    else:
        found = request.getfixturevalue("own_valkey")(append_only=True)
    return found


@pytest.fixture
def own_store(server: Postgresql | Valkey) -> Store:
    return PostgresqlStore(server.url) if isinstance(server, Postgresql) else RedisStore(server.url)


@pytest.mark.parametrize("way", ["stop", "kill"])
def test_workers_wait_for_it_and_lose_and_repeat_nothing(
    kafka: KafkaServer,
    valkey: RedisServer,
    tmp_path: Path,
    server: Postgresql | Valkey,
    own_store: Store,
    way: str,
) -> None:
    with on_kafka(Broker(kafka.bootstrap), valkey.url, tmp_path, own_store) as told:
        with told.story.publishing(300):
            workers = [told.fleet.spawn() for _ in range(2)]
            told.goes_on(100)
            end: Callable[[], None] = getattr(server, way)
            end()
            eventually(lambda: any(each.said("waiting") for each in workers), "they wait")
            server.start()
            told.goes_on(100)
        told.ends()
        assert told.wrong() == {}
        assert told.halts() == {}
        assert [worker.stop() for worker in workers] == [0, 0]
