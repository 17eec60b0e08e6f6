"""The sum of docs/promises.md counts each event once, whatever is repeated, and whoever wakes up late."""

from __future__ import annotations

import importlib.util
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from consumer import Batch, Fence, Runner, Transient
from consumer.adapters.memory.event_log import MemoryEventLog
from consumer.adapters.memory.offset_store import MemoryOffsetStore
from consumer.model.position import IntOffset
from tests.examples.pages import block


@pytest.fixture
def totals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Any]:
    """Makes the page's projector, on one file."""
    monkeypatch.chdir(tmp_path)
    Path("totals.py").write_text(block("docs/promises.md", "python", "# totals.py"))
    spec = importlib.util.spec_from_file_location("totals", "totals.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Totals


def sums() -> dict[str, int]:
    db = sqlite3.connect("totals.db")
    found = dict(db.execute("SELECT customer, cents FROM totals"))
    db.close()
    return found


def test_what_is_applied_again_counts_once(totals: Callable[[], Any]) -> None:
    log = MemoryEventLog("orders")
    for cents in (100, 20, 3):
        log.append("OrderPlaced", {"customer_id": "ada", "cents": cents})
    Runner(log, MemoryOffsetStore(), totals(), batch_size=2).apply_since()
    # Its checkpoints were lost with the process: all comes again, under a later epoch.
    offsets = MemoryOffsetStore()
    for _ in range(2):
        Runner(log, offsets, totals(), batch_size=3).apply_since()
    assert sums() == {"ada": 123}


def test_a_zombie_writes_nothing(totals: Callable[[], Any]) -> None:
    log = MemoryEventLog("orders")
    events = [log.append("OrderPlaced", {"customer_id": "ada", "cents": n}) for n in (1, 2)]
    (partition,) = log.partitions()
    successor, zombie = totals(), totals()
    for projector in (successor, zombie):
        projector.setup()
    later = Fence("totals", partition, 2, IntOffset(-1), IntOffset(0))
    successor.apply(Batch(partition, events[:1], later))
    late = Fence("totals", partition, 1, IntOffset(0), IntOffset(1))
    with pytest.raises(Transient, match="took this partition over"):
        zombie.apply(Batch(partition, events[1:], late))
    assert sums() == {"ada": 1}
