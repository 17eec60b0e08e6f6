"""The store of the offsets loses its data, goes back in time, or is away: the read model knows better."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from consumer.embedded.valkey import Valkey
from tests.chain import BEFORE_TRANSACTION
from tests.contracts.kafka_room import Broker
from tests.fleet import eventually
from tests.scenarios.read_models.stores import SqliteStore, Store
from tests.scenarios.read_models.story import Begin, Told, on_kafka
from tests.servers import KafkaServer


class Offsets:
    """A Valkey that holds the offsets, and forgets."""

    def __init__(self, server: Valkey) -> None:
        self.server = server
        self._client = redis.Redis.from_url(server.url)
        self._copy: dict[bytes, bytes] = {}

    def lose_all(self) -> None:
        self._client.flushall()

    def copy(self) -> None:
        self._copy = {key: self._client.dump(key) for key in self._client.scan_iter()}  # type: ignore[misc]  # no coroutines

    def go_back(self) -> None:
        """In one step, so that nobody sees it empty."""
        pipeline = self._client.pipeline()
        pipeline.flushall()
        for key, value in self._copy.items():
            pipeline.restore(key, 0, value)
        pipeline.execute()


@pytest.fixture
def offsets(own_valkey: Callable[..., Valkey]) -> Offsets:
    return Offsets(own_valkey(append_only=True))


@pytest.fixture
def begin(kafka: KafkaServer, offsets: Offsets, tmp_path: Path, store: Store) -> Begin:
    @contextmanager
    def begun(**more: object) -> Iterator[Told]:
        broker, url = Broker(kafka.bootstrap), offsets.server.url
        with on_kafka(broker, url, tmp_path, store, **more) as told:
            yield told

    return begun


def the_offsets_are_lost(told: Told, offsets: Offsets) -> None:
    with told.story.publishing(300):
        for _ in range(2):
            told.fleet.spawn()
        told.goes_on(100)
        offsets.lose_all()
        told.goes_on(100)


def the_offsets_go_back(told: Told, offsets: Offsets) -> None:
    with told.story.publishing(300):
        first = told.fleet.spawn()
        told.goes_on(100)
        offsets.copy()
        told.goes_on(100)
        second = told.fleet.spawn()  # under new epochs, of which the copy knows nothing
        eventually(lambda: second.said("applied"), "both apply")
        first.kill()
        told.goes_on(100)
        offsets.go_back()
        told.goes_on(100)


@pytest.mark.parametrize("lose", [the_offsets_are_lost, the_offsets_go_back])
def test_workers_go_on_by_themselves_from_the_read_models_offset(
    begin: Begin, offsets: Offsets, lose: Callable[[Told, Offsets], None]
) -> None:
    with begin() as told:
        lose(told, offsets)
        told.ends()
        assert told.wrong() == {}
        assert told.halts() == {}
        for epochs in told.epochs().values():
            assert epochs == sorted(set(epochs))


def test_workers_that_are_started_anew_go_on_from_the_read_model_too(
    begin: Begin, offsets: Offsets
) -> None:
    with begin(source={"start": "end"}) as told:
        worker = told.fleet.spawn()
        eventually(lambda: len(worker.said("began")) == 4, "it began where nothing was yet")
        told.story.publish(200)
        told.ends()
        worker.kill()
        told.story.publish(200)
        offsets.lose_all()
        told.fleet.spawn()
        told.ends()
        assert told.wrong() == {}


def test_a_zombie_of_which_the_offset_store_knows_nothing_any_more_changes_no_row(
    begin: Begin, offsets: Offsets
) -> None:
    with begin() as told:
        told.story.publish(300)
        zombie = told.held(BEFORE_TRANSACTION)
        zombie.freeze()
        offsets.lose_all()
        told.fleet.let_go()
        told.fleet.spawn()
        told.ends()
        zombie.thaw()
        told.lets_go(zombie)
        told.story.publish(300)
        told.ends()
        assert told.wrong() == {}


def test_while_it_is_away_workers_wait_and_then_they_go_on(begin: Begin, offsets: Offsets) -> None:
    with begin() as told:
        with told.story.publishing(300):
            worker = told.fleet.spawn()
            told.goes_on(100)
            offsets.server.kill()
            eventually(lambda: worker.said("waiting"), "it stands still")
            offsets.server.start()
            told.goes_on(100)
        told.ends()
        assert told.wrong() == {}
        assert worker.stop() == 0


def test_a_worker_that_has_its_offsets_there_alone_fails_it(
    kafka: KafkaServer, offsets: Offsets, tmp_path: Path
) -> None:
    store, broker = SqliteStore(tmp_path / "rows.sqlite"), Broker(kafka.bootstrap)
    with on_kafka(broker, offsets.server.url, tmp_path, store, naive=True) as told:
        the_offsets_go_back(told, offsets)
        eventually(told.wrong, "what was applied is applied again")
