"""A read model that is not what the projection left: nobody goes on as if nothing had been."""

from __future__ import annotations

import json
from pathlib import Path

from tests.contracts.kafka_room import Broker
from tests.fleet import PROJECTION, eventually
from tests.scenarios.read_models.stores import SqliteStore, Store
from tests.scenarios.read_models.story import Begin, Told, on_kafka
from tests.servers import KafkaServer, RedisServer


def all_halt(told: Told, reason: str) -> None:
    eventually(lambda: len(told.halts()) == len(told.story.partitions), "all partitions halted")
    for cause in told.halts().values():
        assert reason in cause
        assert "reset the projection's offsets to rebuild it" in cause


def test_emptied_under_a_running_worker_its_partitions_halt_with_the_reason(
    begin: Begin, store: Store
) -> None:
    with begin() as told:
        told.story.publish(200)
        told.fleet.spawn()
        told.ends()
        store.empty()
        told.story.publish(200)
        all_halt(told, f"the read model of {PROJECTION} has no offset in")
        assert told.counted() == 0


def test_where_another_one_is_set_all_partitions_halt_with_the_reason(
    begin: Begin, store: Store
) -> None:
    with begin() as told:
        told.story.publish(200)
        assert told.fleet.caught_up() == 0
        another_is_set(told, store)
        told.fleet.spawn()
        all_halt(told, f"the read model of {PROJECTION} has no offset in")


def another_is_set(told: Told, store: Store) -> None:
    file = told.fleet.folder / "projections.yaml"
    settings = json.loads(file.read_text())
    settings["projections"][PROJECTION]["read_model"] = store.another()
    file.write_text(json.dumps(settings))


def test_put_back_from_a_copy_all_partitions_halt_with_the_reason(
    kafka: KafkaServer, valkey: RedisServer, tmp_path: Path
) -> None:
    store, backup = SqliteStore(tmp_path / "rows.sqlite"), tmp_path / "backup.sqlite"
    with on_kafka(Broker(kafka.bootstrap), valkey.url, tmp_path, store) as told:
        told.story.publish(200)
        assert told.fleet.caught_up() == 0
        store.copy(backup)
        told.story.publish(200)
        assert told.fleet.caught_up() == 0
        for file in tmp_path.glob("rows.sqlite*"):
            file.unlink()
        backup.rename(store.path)
        told.fleet.spawn()
        all_halt(told, f"the read model of {PROJECTION} stands at")
