"""A board of flights: where each stands, and how late it was."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

import msgspec

from consumer import Event
from projectors import PRIMARY_KEY, TableProjector

# What happened: the data of the events. The aggregate is the flight.


class Scheduled(msgspec.Struct, frozen=True):
    """The data of `flight.scheduled`."""

    carrier: str
    origin: str
    destination: str


class Departed(msgspec.Struct, frozen=True):
    """The data of `flight.departed`: minutes behind the schedule, negative when early."""

    delay: int


class Arrived(msgspec.Struct, frozen=True):
    """The data of `flight.arrived`: minutes behind the schedule, negative when early."""

    delay: int


# What is kept of it.


@dataclass(frozen=True)
class Flight:
    """A flight on the board; a delay is None until there is one."""

    flight: Annotated[str, PRIMARY_KEY]
    carrier: str
    origin: str
    destination: str
    departure_delay: int | None = None
    arrival_delay: int | None = None
    cancelled: bool = False


flights = TableProjector(Flight, name="flights", table="flights")


@flights.on(Scheduled, type="flight.scheduled")
def scheduled(event: Event[Scheduled]) -> Flight:
    """A new row; nothing has to be loaded for it."""
    plan = event.data
    return Flight(event.aggregate_id, plan.carrier, plan.origin, plan.destination)


@flights.on(Departed, type="flight.departed")
def departed(row: Flight | None, event: Event[Departed]) -> Flight | None:
    """Of a flight that was scheduled before the log begins nothing is known, and nothing is shown."""
    return row and replace(row, departure_delay=event.data.delay)


@flights.on(Arrived, type="flight.arrived")
def arrived(row: Flight | None, event: Event[Arrived]) -> Flight | None:
    """The last that is heard of a flight."""
    return row and replace(row, arrival_delay=event.data.delay)


@flights.on("flight.cancelled")  # its data is not decoded: nothing of it is needed
def cancelled(row: Flight | None, event: Event) -> Flight | None:
    """The flight stays on the board."""
    return row and replace(row, cancelled=True)
