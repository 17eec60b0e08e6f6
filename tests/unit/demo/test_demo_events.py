from itertools import groupby

import msgspec
import pytest

from consumer.adapters.codecs.cloudevents import CloudEvents
from consumer.demo.board import of_source
from consumer.demo.events import lines
from consumer.demo.source import Row, rows
from consumer.model.position import IntOffset, Partition
from consumer.model.record import Record

ROW = Row("1", "1", "2013-01-01T10:00:00Z", "15", "UA", "1545", "EWR", "IAH", "2", "11", "227")


def told(*flights: Row) -> list[dict[str, object]]:
    return [msgspec.json.decode(line) for line in lines(flights)]


def test_a_flight_that_flew_was_scheduled_departed_and_arrived():
    assert [(event["type"], event["time"], event["data"]) for event in told(ROW)] == [
        (
            "flight.scheduled",
            "2012-12-31T10:15:00Z",
            {"carrier": "UA", "origin": "EWR", "destination": "IAH"},
        ),
        ("flight.departed", "2013-01-01T10:17:00Z", {"delay": 2}),
        ("flight.arrived", "2013-01-01T14:04:00Z", {"delay": 11}),
    ]


def test_a_cancelled_flight_neither_departs_nor_arrives():
    row = ROW._replace(dep_delay="NA", arr_delay="NA", air_time="NA")
    assert [event["type"] for event in told(row)] == ["flight.scheduled", "flight.cancelled"]


def test_a_diverted_flight_departs_and_does_not_arrive():
    row = ROW._replace(arr_delay="NA", air_time="NA")
    assert [event["type"] for event in told(row)] == ["flight.scheduled", "flight.departed"]


def test_the_events_of_a_day_come_in_the_order_of_time():
    later = ROW._replace(flight="1714", minute="29")
    days = [event["time"] for event in told(ROW, later)]
    assert days == sorted(days)
    assert len(days) == 6


def test_each_event_has_an_id_of_its_own_and_each_flight_a_subject():
    year = list(rows(2000))
    events = told(*year)
    assert len({event["id"] for event in events}) == len(events) == of_source(year).events
    assert len({event["subject"] for event in events}) == 2000


def test_the_events_of_a_flight_keep_their_order():
    events = sorted(told(*rows(2000)), key=lambda event: str(event["subject"]))
    for _, of_flight in groupby(events, key=lambda event: event["subject"]):
        types = [str(event["type"]).removeprefix("flight.") for event in of_flight]
        assert types in (
            ["scheduled", "departed", "arrived"],
            ["scheduled", "departed"],
            ["scheduled", "cancelled"],
        )


def test_the_events_are_cloudevents():
    codec = CloudEvents()
    for number, line in enumerate(lines([ROW])):
        record = Record(Partition("flights", 0), IntOffset(number), b"UA1545", line)
        assert codec.decode(record).aggregate_id == "UA1545-2013-01-01T10"


def test_the_whole_year_is_there():
    board = of_source(rows())
    assert sum(line.flights for line in board.carriers.values()) == 336_776
    assert board.events == 1_000_898


@pytest.mark.parametrize("limit", [0, 1, 10])
def test_the_first_so_many_flights_can_be_taken(limit):
    assert len(list(rows(limit))) == limit
