"""The code of docs/promises.md keeps what the page says, whatever is repeated, and whoever wakes up late."""

from __future__ import annotations

import importlib.util
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from consumer import Batch, Event, Fence, Fenced, IntOffset, Misconfigured, Runner, StreamOffset
from consumer.adapters.memory.event_log import MemoryEventLog
from consumer.adapters.memory.offset_store import MemoryOffsetStore
from consumer.adapters.sqlite.read_model import SqliteReadModel
from consumer.testing import assert_idempotent, assert_order_kept, project
from projectors.examples import search_index
from tests.examples.pages import block

ROWS = "SELECT customer, cents FROM totals ORDER BY customer"


def page(name: str, folder: Path) -> ModuleType:
    file = folder / f"{name}.py"
    file.write_text(block("docs/promises.md", "python", f"# {name}.py"))
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def totals(tmp_path: Path) -> ModuleType:
    return page("totals", tmp_path)


@pytest.fixture
def model(tmp_path: Path) -> Iterator[Callable[[], SqliteReadModel]]:
    opened: list[SqliteReadModel] = []

    def make() -> SqliteReadModel:
        opened.append(SqliteReadModel(tmp_path / "totals.db"))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


def sums(folder: Path) -> dict[str, int]:
    with closing(sqlite3.connect(folder / "totals.db")) as db:
        return dict(db.execute(ROWS))


def test_what_is_applied_again_counts_once(
    totals: ModuleType, model: Callable[[], SqliteReadModel], tmp_path: Path
) -> None:
    log = MemoryEventLog("orders")
    for cents in (100, 20, 3):
        log.append("OrderPlaced", {"customer_id": "ada", "cents": cents})
    # The checkpoints are lost twice, and batches are cut elsewhere.
    for size in (2, 3, 1):
        Runner(
            log, MemoryOffsetStore(), totals.Totals(), read_model=model(), batch_size=size
        ).apply_since()
    assert sums(tmp_path) == {"ada": 123}


def test_a_zombie_writes_nothing(
    totals: ModuleType, model: Callable[[], SqliteReadModel], tmp_path: Path
) -> None:
    log, offsets = MemoryEventLog("orders"), MemoryOffsetStore()
    zombie, successor = (
        Runner(log, offsets, totals.Totals(), read_model=model()) for _ in range(2)
    )
    for runner, cents in ((zombie, 1), (successor, 20)):
        log.append("OrderPlaced", {"customer_id": "ada", "cents": cents})
        runner.apply_since()
    log.append("OrderPlaced", {"customer_id": "ada", "cents": 300})
    with pytest.raises(Fenced):
        zombie.apply_since()
    assert sums(tmp_path) == {"ada": 21}


def test_it_passes_the_checks_of_the_test_kit(totals: ModuleType) -> None:
    def rows(cursor: sqlite3.Cursor) -> Any:
        return cursor.execute(ROWS).fetchall()

    events = [totals.OrderPlaced(customer, 5) for customer in ("ada", "bob", "ada")]

    assert project(totals.Totals(), *events, rows=rows) == [("ada", 10), ("bob", 5)]
    assert_idempotent(totals.Totals(), *events, rows=rows)
    assert_order_kept(totals.Totals(), *events, rows=rows)


def test_one_that_commits_by_itself_stops_the_worker(totals: ModuleType) -> None:
    class Committing(totals.Totals):  # type: ignore[name-defined,misc]
        def apply(self, batch: Batch, cursor: sqlite3.Cursor) -> None:
            super().apply(batch, cursor)
            cursor.connection.commit()

    with pytest.raises(Misconfigured, match="neither commit nor roll back"):
        project(Committing(), totals.OrderPlaced("ada", 5), rows=lambda cursor: [])


def test_the_heart_of_the_guard_passes_over_what_a_document_holds(tmp_path: Path) -> None:
    guarded = page("guarded", tmp_path)
    log = MemoryEventLog()
    events = [log.append("Paid", cents, aggregate_id="o-1") for cents in (1, 20, 300)]
    (partition,) = log.partitions()
    batch = Batch(partition, events, Fence("guarded", partition, 1, IntOffset(-1), IntOffset(2)))

    def fold(document: dict[str, int], event: Event) -> dict[str, int]:
        return {"cents": document.get("cents", 0) + event.decode(int)}

    assert guarded.changed(batch, {}, fold) == {"o-1": ({"cents": 321}, 2)}
    assert guarded.changed(batch, {"o-1": ({"cents": 1}, 0)}, fold) == {"o-1": ({"cents": 321}, 2)}
    assert guarded.changed(batch, {"o-1": ({"cents": 4321}, 3)}, fold) == {}
    for offset in (IntOffset(7), StreamOffset(1526919030474, 55)):
        assert guarded.version_of(offset) == search_index.version_of(offset)
