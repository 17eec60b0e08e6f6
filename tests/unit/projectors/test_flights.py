"""The demo's flights: each where it stands, and who counted which events."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from consumer import Fence, Misconfigured, Runner, Transaction, TransactionalProjector, Undecodable
from consumer.adapters.memory.event_log import MemoryEventLog
from consumer.adapters.memory.offset_store import MemoryOffsetStore
from consumer.adapters.memory.read_model import MemoryReadModel
from consumer.adapters.sqlite.read_model import SqliteReadModel
from consumer.engine.transacting import refuse_mismatch
from consumer.ports.read_model import ReadModel
from consumer.testing import assert_idempotent, assert_order_kept, event, project
from projectors.examples.counted_flights import CountedFlights
from projectors.examples.flights import Arrived, Departed, Flight, Scheduled, flights
from projectors.examples.stuck_flights import StuckFlights

PLAN = Scheduled("UA", "EWR", "IAH")
DAY = [
    event(PLAN, type="flight.scheduled", aggregate_id="UA1"),
    event(PLAN, type="flight.scheduled", aggregate_id="UA2"),
    event(Departed(-3), type="flight.departed", aggregate_id="UA1"),
    event("flight.cancelled", {}, aggregate_id="UA2"),
    event(Arrived(11), type="flight.arrived", aggregate_id="UA1"),
]


def test_of_a_flight_that_nobody_scheduled_nothing_is_shown() -> None:
    assert project(flights, *DAY[2:]) == []


@pytest.mark.parametrize("data", [{}, {"delay": "late"}, None])
def test_a_delay_that_is_none_halts(data: object) -> None:
    with pytest.raises(Undecodable, match=r"delay|tombstone|no data"):
        project(flights, DAY[0], event("flight.departed", data, aggregate_id="UA1"))


def test_flights_depart_arrive_and_are_cancelled() -> None:
    assert project(flights, *DAY) == [
        Flight("UA1", "UA", "EWR", "IAH", departure_delay=-3, arrival_delay=11),
        Flight("UA2", "UA", "EWR", "IAH", cancelled=True),
    ]


def test_how_events_are_batched_and_what_comes_again_changes_no_flight() -> None:
    assert_order_kept(flights, *DAY)
    assert_idempotent(flights, *DAY)


def test_beside_the_flights_each_worker_counts_its_events_by_partition() -> None:
    rows = project(CountedFlights(), *DAY, batch_size=2)
    assert [Flight(**row) for row in rows["flights"]] == project(flights, *DAY)
    assert [(row["worker"], row["events"]) for row in rows["counted"]] == [(os.getpid(), 5)]


def test_a_rebuild_counts_from_the_beginning() -> None:
    projector = CountedFlights()
    read_model = MemoryReadModel()
    run(projector, schedule(3), read_model)
    read_model.prepare(projector.tables, projector.clear)
    assert [read_model.rows(table) for table in projector.tables] == [[], []]


def schedule(flights: int) -> MemoryEventLog:
    log = MemoryEventLog("flights")
    for number in range(flights):
        log.append("flight.scheduled", PLAN, aggregate_id=f"UA{number}")
    return log


def run(projector: TransactionalProjector, log: MemoryEventLog, read_model: ReadModel) -> None:
    Runner(log, MemoryOffsetStore(), projector, read_model=read_model, batch_size=2).apply_since()


class Killed(BaseException):
    """What is raised where a worker would wait to be killed."""


@pytest.fixture
def stuck(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    def killed(seconds: float) -> None:
        raise Killed

    monkeypatch.setattr(time, "sleep", killed)
    monkeypatch.setenv("FLIGHTS_STUCK", str(tmp_path / "stuck.pid"))
    return tmp_path / "stuck.pid"


class Watched(SqliteReadModel):
    """Notes how many flights the last transaction had sent to the file when it ended badly."""

    sent = -1

    @contextmanager
    def transaction(self, *fences: Fence) -> Iterator[Transaction]:
        with super().transaction(*fences) as transaction:
            try:
                yield transaction
            except Killed:
                # Of the connection itself: through the transaction the rows would be sent now.
                with self._file.open() as connection:
                    (self.sent,) = connection.execute("SELECT count(*) FROM flights").fetchone()
                raise


def test_a_worker_is_stuck_once_with_its_rows_written_and_not_committed(
    stuck: Path, tmp_path: Path
) -> None:
    path, log = tmp_path / "flights.sqlite", schedule(20)
    with closing(Watched(path)) as read_model:
        with pytest.raises(Killed):
            run(StuckFlights(), log, read_model)
        assert read_model.sent == 8
        assert stuck.read_text() == str(os.getpid())
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("SELECT count(*) FROM flights").fetchone() == (6,)
        assert file.execute("SELECT sum(events) FROM counted").fetchone() == (6,)
    with closing(SqliteReadModel(path)) as read_model:
        run(StuckFlights(), log, read_model)  # the file is there: nobody is stuck any more
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("SELECT count(*) FROM flights").fetchone() == (20,)
        assert file.execute("SELECT sum(events) FROM counted").fetchone() == (20,)


def test_where_no_transaction_can_be_stopped_nobody_gets_stuck() -> None:
    with pytest.raises(Misconfigured, match="postgresql or sqlite"):
        refuse_mismatch(StuckFlights(), "redis")
