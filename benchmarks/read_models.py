"""What rows cost: a row an event into PostgreSQL, and a fold onto a thousand keys into SQLite and PostgreSQL.

P2  Kafka -> a row an event in PostgreSQL, effectively once; the limit is a bare loop that writes as much at once
P3  Kafka -> a thousand rows, loaded, folded and written for each batch of up to 5,000; the limit is our own
    worker with a projector that keeps nothing
"""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
from rich.progress import track

from benchmarks.orders import TOPIC
from benchmarks.running import Result, rates, run

#: Events that a transaction takes at most, ours and the limit's.
BATCH = 5_000

Turns = list[tuple[Result, Result]]


class ReadModels:
    """Starts the processes; the database is emptied before each, and its sums are compared after it."""

    def __init__(
        self, bootstrap: str, redis: str, postgresql: str, folder: Path, turns: int
    ) -> None:
        self._bootstrap = bootstrap
        self._redis = redis
        self._postgresql = postgresql
        self._sqlite = folder / "board.sqlite"
        self._turns = turns
        self._runs = 0

    def rows(self, count: int) -> dict[str, Any]:
        """For the benchmark's table."""
        limit = ["limit_postgresql", self._bootstrap, str(count), self._postgresql, str(BATCH)]
        in_postgresql = {"postgresql": {"url": self._postgresql}}
        in_sqlite = {"sqlite": {"path": str(self._sqlite)}}
        return {
            "P2": rates(
                self._compared(
                    "P2",
                    lambda: self._table("each", in_postgresql, count),
                    lambda: run(*limit),
                )
            ),
            "P3/sqlite": self._fold(in_sqlite, count),
            "P3/postgresql": self._fold(in_postgresql, count),
        }

    def _fold(self, read_model: dict[str, Any], count: int) -> Result:
        return rates(
            self._compared(
                f"P3, {next(iter(read_model))}",
                lambda: self._table("board", read_model, count),
                lambda: self._ours("benchmarks.fold:fold", {}, count),
            )
        )

    def _compared(
        self, what: str, ours: Callable[[], Result], limit: Callable[[], Result]
    ) -> Turns:
        turns = []
        for _ in track(range(self._turns), description=f"{what}, {self._turns} turns"):
            pair = ours(), limit()
            if len({(each["events"], each["checksum"]) for each in pair}) != 1:
                sys.exit(f"ours and the limit did not see the same events: {pair}")
            turns.append(pair)
        return turns

    def _table(self, projector: str, read_model: dict[str, Any], count: int) -> Result:
        """Ours, into an empty table."""
        self._empty()
        done = self._ours(f"benchmarks.rows:{projector}", {"read_model": read_model}, count)
        total = f"SELECT sum(cents) FROM bench_{projector}"  # noqa: S608  a name of ours
        if "sqlite" in read_model:
            with closing(sqlite3.connect(self._sqlite)) as file:
                ((checksum,),) = file.execute(total)
        else:
            with psycopg.connect(self._postgresql) as database:
                ((checksum,),) = database.execute(total)  # type: ignore[arg-type]
        return {**done, "checksum": int(checksum)}

    def _empty(self) -> None:
        self._sqlite.unlink(missing_ok=True)
        with psycopg.connect(self._postgresql, autocommit=True) as database:
            database.execute("DROP TABLE IF EXISTS bench_each, bench_board, bench_limit")
            database.execute("CHECKPOINT")

    def _ours(self, projector: str, more: dict[str, Any], count: int) -> Result:
        """A projection that never ran, so that it begins at the beginning."""
        self._runs += 1
        name = f"rows-{self._runs}"
        settings = {
            "offsets": {"redis": {"url": self._redis, "prefix": "bench"}},
            "sources": {"main": {"kafka": {"bootstrap_servers": [self._bootstrap]}}},
            "projections": {
                name: {
                    "projector": projector,
                    "source": {"from": "main", "topics": [TOPIC]},
                    "batch_size": BATCH,
                    **more,
                }
            },
        }
        return run("ours", json.dumps(settings), name, str(count))
