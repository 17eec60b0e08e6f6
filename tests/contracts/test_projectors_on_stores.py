"""The bundled projectors on each store: what a row holds comes back from it as it was."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from consumer import Event, Key, ReadModel, Row, Runner, TransactionalProjector
from consumer.adapters.memory.event_log import MemoryEventLog
from consumer.adapters.memory.offset_store import MemoryOffsetStore
from consumer.adapters.memory.read_model import MemoryReadModel
from consumer.adapters.postgresql.read_model import PostgresqlReadModel
from consumer.adapters.redis.connection import connect
from consumer.adapters.redis.read_model import RedisReadModel
from consumer.adapters.sqlite.read_model import SqliteReadModel
from projectors import EventArchive, LatestState, TableProjector
from projectors.examples.orders_board import customers, orders
from tests.unit.projectors.test_row_types import FULL, Everything


@pytest.fixture(params=["memory", "sqlite", "postgresql", "redis"])
def read_model(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ReadModel]:
    model: ReadModel
    match request.param:
        case "memory":
            model = MemoryReadModel()
        case "sqlite":
            model = SqliteReadModel(tmp_path / "rows.db")
        case "postgresql":
            model = PostgresqlReadModel(request.getfixturevalue("postgresql").database())
        case _:
            url = request.getfixturevalue("valkey").url
            model = RedisReadModel(connect(url), prefix=f"test-{uuid.uuid4().hex}")
    yield model
    model.close()


def run(projector: TransactionalProjector, log: MemoryEventLog, read_model: ReadModel) -> None:
    """A batch for each event, so that every row is loaded, and not only written."""
    with Runner(log, MemoryOffsetStore(), projector, read_model=read_model, batch_size=1) as runner:
        runner.apply_since()


def test_a_row_of_every_type_comes_back_as_it_was(read_model: ReadModel) -> None:
    everything = TableProjector(Everything)
    seen: list[Everything | None] = []

    @everything.on("put")
    def put(event: Event) -> Everything:
        return FULL

    @everything.on("look")
    def look(row: Everything | None, event: Event) -> Everything | None:
        seen.append(row)
        return row

    log = MemoryEventLog()
    log.append("put", aggregate_id=FULL.key)
    log.append("look", aggregate_id="ada")
    log.append("look", aggregate_id="bob")
    run(everything, log, read_model)
    assert seen == [FULL, None]


def test_an_empty_row_comes_back_as_it_was(read_model: ReadModel) -> None:
    everything = TableProjector(Everything)
    empty = dataclasses.replace(
        FULL, text="", blob=b"", tags=[], levels=(), gaps=[], points=[], counts={},
        either=None, maybe=None, moments=None, anything=None,
    )  # fmt: skip
    seen: list[Everything | None] = []

    @everything.on("put")
    def put(row: Everything | None, event: Event) -> Everything:
        seen.append(row)
        return empty

    log = MemoryEventLog()
    for _ in range(2):
        log.append("put", aggregate_id=empty.key)
    run(everything, log, read_model)
    assert seen == [None, empty]


@pytest.mark.parametrize("projector", [orders, customers, LatestState(), EventArchive()])
def test_each_is_applied_and_cleared(
    projector: TransactionalProjector, read_model: ReadModel
) -> None:
    log = MemoryEventLog()
    placed = {"customer_id": "ada", "total": "19.99"}
    for _ in range(2):
        log.append("OrderPlaced", placed, aggregate_id="o-1")
    log.append("OrderShipped", {"carrier": "DHL"}, aggregate_id="o-1")
    log.append("OrderCancelled", placed, aggregate_id="o-1")
    log.append("OrderErased", {}, aggregate_id="o-1")  # without data it would be a tombstone
    run(projector, log, read_model)
    before = rows(projector, read_model)
    with read_model.reset(projector.name, {}) as transaction:
        projector.clear(transaction)
    assert rows(projector, read_model) == {}
    run(projector, log, read_model)  # all from the beginning: the log's rows are the log's rows
    assert rows(projector, read_model) == before
    assert bool(before) is (projector is not orders)


def rows(projector: TransactionalProjector, read_model: ReadModel) -> Mapping[Key, Row]:
    """The rows of all keys that there may be."""
    (table,) = projector.tables
    keys: dict[str, list[Key]] = {
        "customers": [("ada",)],
        "event_archive": [("events", 0, number, 0, 0) for number in range(10)],
    }
    known = keys.get(table.name, [("o-1",)])
    found: dict[Key, Row] = {}
    read_model.prepare([table], lambda transaction: found.update(transaction.load(table, known)))
    return found
