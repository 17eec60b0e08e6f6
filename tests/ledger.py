"""A projector that writes down every application, durably, and can be held at the two dangerous places."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

from consumer import Batch

_TABLE = """
CREATE TABLE IF NOT EXISTS applied (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    pid INTEGER, batch INTEGER, topic TEXT, number INTEGER, offset TEXT, key TEXT, epoch INTEGER
)
"""
#: While a file of this name lies beside the ledger, whoever comes to the place waits there.
BEFORE_APPLY = "hold-before-apply"
AFTER_APPLY = "hold-after-apply"


def opened(path: Path) -> sqlite3.Connection:
    """The ledger's file. Committed rows outlive the process, which is all that is killed here."""
    connection = sqlite3.connect(path, timeout=20, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute(_TABLE)
    return connection


def hold(folder: Path, place: str) -> None:
    """Waits for as long as the gate lies there; meanwhile a mark tells that this process does."""
    gate = folder / place
    if not gate.exists():
        return
    mark = folder / f"held-{os.getpid()}"
    mark.touch()
    while gate.exists():
        time.sleep(0.005)
    mark.unlink(missing_ok=True)


class Writing:
    """Appends applications, and stops at the holds; used by ours and by the naive workers alike."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._connection = opened(folder / "ledger.sqlite")
        self._batch = 0

    def append(self, rows: list[tuple[str, int, str, str, int]]) -> None:
        """Rows of topic, number, offset, key, epoch: one transaction."""
        hold(self._folder, BEFORE_APPLY)
        time.sleep(float(os.environ.get("LEDGER_SECONDS", "0")))
        self._batch += 1
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(
            "INSERT INTO applied (pid, batch, topic, number, offset, key, epoch) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(os.getpid(), self._batch, *row) for row in rows],
        )
        self._connection.execute("COMMIT")
        hold(self._folder, AFTER_APPLY)


class Ledger:
    """The projector."""

    name = "ledger"
    handles = None

    def __init__(self) -> None:
        self._writing = Writing(Path(os.environ["LEDGER_FOLDER"]))

    def apply(self, batch: Batch) -> None:
        self._writing.append(
            [
                (
                    event.partition.topic,
                    event.partition.number,
                    str(event.offset),
                    event.aggregate_id,
                    batch.fence.epoch,
                )
                for event in batch
            ]
        )
