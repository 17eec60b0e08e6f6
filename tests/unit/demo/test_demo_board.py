"""Two boards that share no code but the reader of the file: one over events, one over its lines."""

import sqlite3

import msgspec
import pytest

from consumer.demo import board
from consumer.demo.events import CloudEvent, lines
from consumer.demo.source import rows
from consumer.errors import Transient
from consumer.model.event import Batch, Event
from consumer.model.position import Fence, IntOffset, Partition
from projectors.examples.flights import Flights

PARTITION = Partition("flights", 0)


def batch(events: list[CloudEvent]) -> Batch:
    given = [
        Event(
            event.id,
            event.type,
            event.subject,
            PARTITION,
            IntOffset(number),
            msgspec.Raw(msgspec.json.encode(event.data)),
        )
        for number, event in enumerate(events)
    ]
    fence = Fence("flights", PARTITION, 1, IntOffset(-1), IntOffset(len(given) - 1))
    return Batch(PARTITION, given, fence)


@pytest.fixture
def flights(tmp_path):
    projector = Flights(str(tmp_path / "flights.sqlite"))
    projector.setup()
    yield projector
    projector.close()


@pytest.fixture
def year():
    return list(rows(1500))


@pytest.fixture
def events(year):
    return [msgspec.json.decode(line, type=CloudEvent) for line in lines(year)]


def test_the_read_model_of_all_events_gives_the_board_of_the_source(
    flights, year, events, tmp_path
):
    for start in range(0, len(events), 500):
        flights.apply(batch(events[start : start + 500]))
    ours = board.of_read_model(tmp_path / "flights.sqlite")
    assert board.differences(ours, board.of_source(year)) == []
    assert ours.events == len(events)


def test_events_that_come_again_change_nothing_and_are_counted(flights, year, events, tmp_path):
    flights.apply(batch(events))
    flights.apply(batch(events[-700:]))
    database = tmp_path / "flights.sqlite"
    assert board.differences(board.of_read_model(database), board.of_source(year)) == []
    with sqlite3.connect(database) as connection:
        assert connection.execute("SELECT sum(events) FROM applied").fetchone() == (
            len(events) + 700,
        )
    connection.close()


@pytest.mark.parametrize("what", ["scheduled", "departed", "arrived", "cancelled"])
def test_one_lost_event_is_a_difference(flights, year, events, tmp_path, what):
    lost = next(number for number, event in enumerate(events) if event.type == f"flight.{what}")
    flights.apply(batch(events[:lost] + events[lost + 1 :]))
    found = board.differences(
        board.of_read_model(tmp_path / "flights.sqlite"), board.of_source(year)
    )
    assert found


def test_a_difference_says_where_and_how_much():
    true = board.Board({"UA": board.Line(flights=2)}, {})
    assert board.differences(board.Board({}, {}), true) == [
        "UA: flights is 0, and 2 in the source file"
    ]


def test_a_locked_database_is_transient(flights, events, tmp_path, monkeypatch):
    flights._database.execute("PRAGMA busy_timeout = 0")
    other = sqlite3.connect(tmp_path / "flights.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Transient, match="locked"):
        flights.apply(batch(events[:5]))
    other.execute("ROLLBACK")
    other.close()
    flights.apply(batch(events[:5]))


def test_a_projector_that_is_not_set_up_says_so(tmp_path, events):
    with pytest.raises(RuntimeError, match="setup"):
        Flights(str(tmp_path / "flights.sqlite")).apply(batch(events[:1]))
