"""What happened to each flight, as CloudEvents: scheduled, departed, arrived, cancelled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import msgspec

from consumer.demo.source import Row


class CloudEvent(msgspec.Struct, frozen=True, gc=False):
    """An event as `projections publish` reads it, one a line."""

    id: str
    type: str
    subject: str
    time: datetime
    data: dict[str, Any]
    specversion: str = "1.0"
    source: str = "/flights/new-york"


def lines(rows: Iterable[Row]) -> Iterator[bytes]:
    """The events of all flights as JSON Lines, day by day, each day in the order of time."""
    encode = msgspec.json.Encoder().encode
    for _, day in groupby(rows, key=lambda row: (row.month, row.day)):
        events = [event for row in day for event in _events(row)]
        events.sort(key=lambda event: event.time)  # stable: what happens at once keeps its order
        for event in events:
            yield encode(event) + b"\n"


def _events(row: Row) -> Iterator[CloudEvent]:
    # Carrier, number and hour are unique: no two lines share them.
    flight = f"{row.carrier}{row.flight}-{row.time_hour[:13]}"
    departure = datetime.fromisoformat(row.time_hour) + timedelta(minutes=int(row.minute))
    announced = departure - timedelta(days=1)
    route = {"carrier": row.carrier, "origin": row.origin, "destination": row.dest}
    yield _event(flight, "scheduled", announced, route)
    if row.dep_delay == "NA":
        yield _event(flight, "cancelled", departure, {})
        return
    departed = departure + timedelta(minutes=int(row.dep_delay))
    yield _event(flight, "departed", departed, {"delay": int(row.dep_delay)})
    if row.arr_delay != "NA":  # else it landed elsewhere
        # The file has no taxi times: a flight arrives when it has been in the air for its air time.
        arrived = departed + timedelta(minutes=int(row.air_time))
        yield _event(flight, "arrived", arrived, {"delay": int(row.arr_delay)})


def _event(flight: str, what: str, time: datetime, data: dict[str, Any]) -> CloudEvent:
    return CloudEvent(f"{flight}/{what}", f"flight.{what}", flight, time, data)
