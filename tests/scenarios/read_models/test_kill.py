"""kill -9 between the read model's commit and the offset store's, and anywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from consumer.embedded.valkey import Valkey
from consumer.model.position import Offset
from tests.chain import AFTER_LOAD
from tests.contracts.kafka_room import Broker
from tests.fleet import eventually
from tests.scenarios.read_models.stores import SqliteStore, Store
from tests.scenarios.read_models.story import Begin, Told, on_kafka
from tests.servers import KafkaServer


def a_worker_is_killed_when_its_rows_are_written_and_its_offset_is_not(
    told: Told, offsets: Valkey
) -> None:
    told.story.publish(100)
    worker = told.held(AFTER_LOAD)
    offsets.kill()
    told.fleet.let_go()
    eventually(lambda: told.counted() > 0, "rows are written")
    worker.kill()
    offsets.start()
    fleet = told.fleet
    committed = {partition: fleet.checkpoint(partition) for partition in told.last()}
    assert any(  # else nothing is proven
        offset is None or offset < Offset.parse(told.last()[partition])
        for partition, offset in committed.items()
    )
    told.story.publish(300)  # so that the successor's batches end elsewhere
    fleet.spawn()
    told.ends()


def test_killed_between_the_two_commits_nothing_is_repeated(
    kafka: KafkaServer, own_valkey: Callable[..., Valkey], tmp_path: Path, store: Store
) -> None:
    offsets = own_valkey(append_only=True)
    with on_kafka(Broker(kafka.bootstrap), offsets.url, tmp_path, store) as told:
        a_worker_is_killed_when_its_rows_are_written_and_its_offset_is_not(told, offsets)
        assert told.wrong() == {}


def test_a_worker_that_commits_its_rows_and_its_offset_apart_fails_it(
    kafka: KafkaServer, own_valkey: Callable[..., Valkey], tmp_path: Path
) -> None:
    offsets, store = own_valkey(append_only=True), SqliteStore(tmp_path / "rows.sqlite")
    with on_kafka(Broker(kafka.bootstrap), offsets.url, tmp_path, store, naive=True) as told:
        a_worker_is_killed_when_its_rows_are_written_and_its_offset_is_not(told, offsets)
        assert told.wrong()


def test_workers_that_are_killed_anywhere_lose_repeat_and_reorder_nothing(begin: Begin) -> None:
    with begin() as told:
        with told.story.publishing(600):
            for events in (1, 130):
                workers = [told.fleet.spawn() for _ in range(2)]
                told.goes_on(events)
                for worker in workers:
                    worker.kill()
            told.fleet.spawn()
            told.goes_on()
        told.ends()
        assert told.wrong() == {}
