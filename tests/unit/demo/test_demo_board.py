"""Two boards that share no code but the reader of the file: one over events, one over its lines."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from consumer.adapters.memory.event_log import MemoryEventLog
from consumer.adapters.memory.offset_store import MemoryOffsetStore
from consumer.adapters.sqlite.read_model import SqliteReadModel
from consumer.demo import board
from consumer.demo.events import CloudEvent, lines
from consumer.demo.fleet import _counted
from consumer.demo.source import Row, rows
from consumer.demo.stores import SqliteStore
from consumer.engine.runner import Runner
from projectors.examples.counted_flights import CountedFlights


class Projecting:
    """The demo's projection of some events, without its servers."""

    def __init__(self, path: Path, events: Sequence[CloudEvent]) -> None:
        self.store = SqliteStore(path)
        self._path = path
        self._log = MemoryEventLog("flights")
        for event in events:
            self._log.append(event.type, event.data, aggregate_id=event.subject, id=event.id)

    def run(self) -> None:
        """From an offset store that knows nothing; what the read model knows it keeps."""
        with closing(SqliteReadModel(self._path)) as read_model:
            Runner(
                self._log, MemoryOffsetStore(), CountedFlights(), read_model=read_model
            ).apply_since()

    @property
    def counted(self) -> int:
        return sum(_counted(self.store).values())


@pytest.fixture
def year() -> list[Row]:
    return list(rows(1500))


@pytest.fixture
def events(year: list[Row]) -> list[CloudEvent]:
    return [msgspec.json.decode(line, type=CloudEvent) for line in lines(year)]


def test_the_read_model_of_all_events_gives_the_board_of_the_source(
    year: list[Row], events: list[CloudEvent], tmp_path: Path
) -> None:
    projecting = Projecting(tmp_path / "flights.sqlite", events)
    projecting.run()
    ours = board.of_read_model(projecting.store)
    assert board.differences(ours, board.of_source(year)) == []
    assert ours.events == projecting.counted == len(events)


def test_offsets_that_are_forgotten_make_no_event_count_twice(
    year: list[Row], events: list[CloudEvent], tmp_path: Path
) -> None:
    projecting = Projecting(tmp_path / "flights.sqlite", events)
    projecting.run()
    projecting.run()
    assert projecting.counted == len(events)
    assert board.differences(board.of_read_model(projecting.store), board.of_source(year)) == []


@pytest.mark.parametrize("what", ["scheduled", "departed", "arrived", "cancelled"])
def test_one_lost_event_is_a_difference(
    year: list[Row], events: list[CloudEvent], tmp_path: Path, what: str
) -> None:
    lost = next(number for number, event in enumerate(events) if event.type == f"flight.{what}")
    projecting = Projecting(tmp_path / "flights.sqlite", events[:lost] + events[lost + 1 :])
    projecting.run()
    assert board.differences(board.of_read_model(projecting.store), board.of_source(year))


def test_a_difference_says_where_and_how_much() -> None:
    true = board.Board({"UA": board.Line(flights=2)}, {})
    assert board.differences(board.Board({}, {}), true) == [
        "UA: flights is 0, and 2 in the source file"
    ]
