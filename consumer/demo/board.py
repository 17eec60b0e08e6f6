"""The on-time board, made twice: from the read model, and from the source file without any event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from rich.table import Table

from consumer.demo.source import Row
from consumer.demo.stores import Store

#: A flight is on time that arrives less than a quarter of an hour late, as the US authorities count.
_LATE = 15

#: In words that SQLite and PostgreSQL share.
_BOARD = """
SELECT {line}, count(*), count(*) FILTER (WHERE cancelled), count(departure_delay), count(arrival_delay),
    count(*) FILTER (WHERE arrival_delay < {late}), coalesce(sum(departure_delay), 0), coalesce(sum(arrival_delay), 0)
FROM flights GROUP BY 1
"""


class Line(NamedTuple):
    """What the board says of a carrier or a route. Whole numbers, so that equal means equal."""

    flights: int = 0
    cancelled: int = 0
    departed: int = 0
    arrived: int = 0
    on_time: int = 0
    #: Minutes behind the schedule, all flights together.
    departure_delay: int = 0
    arrival_delay: int = 0


class Board(NamedTuple):
    """Lines by carrier ("UA") and by route ("JFK-LAX")."""

    carriers: Mapping[str, Line]
    routes: Mapping[str, Line]

    @property
    def events(self) -> int:
        """How many events tell all this: one for each flight's plan, and for each thing that befell it."""
        return sum(
            line.flights + line.cancelled + line.departed + line.arrived
            for line in self.carriers.values()
        )


def of_read_model(store: Store) -> Board:
    """The board as the projection's table gives it. Raises as `Store.rows`."""

    def lines(name: str) -> Mapping[str, Line]:
        found = store.rows(_BOARD.format(line=name, late=_LATE))
        return {str(line): Line(*map(int, numbers)) for line, *numbers in found}

    return Board(lines("carrier"), lines("origin || '-' || destination"))


def of_source(rows: Iterable[Row]) -> Board:
    """The board as the source file gives it."""
    carriers: dict[str, Line] = {}
    routes: dict[str, Line] = {}
    for row in rows:
        flight = _line_of(row)
        for board, name in ((carriers, row.carrier), (routes, f"{row.origin}-{row.dest}")):
            board[name] = Line(*map(sum, zip(board.get(name, Line()), flight, strict=True)))
    return Board(carriers, routes)


def differences(ours: Board, source: Board) -> list[str]:
    """Each number in which the two boards differ, a sentence each."""
    found = []
    for mine, theirs in ((ours.carriers, source.carriers), (ours.routes, source.routes)):
        for name in sorted(mine.keys() | theirs.keys()):
            read, true = mine.get(name, Line()), theirs.get(name, Line())
            found += [
                f"{name}: {what} is {got}, and {want} in the source file"
                for what, got, want in zip(Line._fields, read, true, strict=True)
                if got != want
            ]
    return found


def tables(board: Board, *, routes: int = 15) -> tuple[Table, Table]:
    """The board for a person: all carriers, and the busiest routes."""
    shown = min(routes, len(board.routes))
    return (
        _table("On time from New York, by carrier", "carrier", _busiest(board.carriers)),
        _table(
            f"On time from New York, the {shown} busiest of {len(board.routes)} routes",
            "route",
            _busiest(board.routes)[:shown],
        ),
    )


def _busiest(lines: Mapping[str, Line]) -> list[tuple[str, Line]]:
    return sorted(lines.items(), key=lambda named: -named[1].flights)


def _table(title: str, kind: str, lines: Iterable[tuple[str, Line]]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column(kind)
    for heading in ("flights", "cancelled", "departed", "arrived", "on time", "mean delay"):
        table.add_column(heading, justify="right")
    for name, line in lines:
        counts = (line.flights, line.cancelled, line.departed, line.arrived)
        arrived = line.arrived or 1
        table.add_row(
            name,
            *(f"{count:,}" for count in counts),
            f"{line.on_time / arrived:.1%}",
            f"{line.arrival_delay / arrived:+.1f} min",
        )
    return table


def _line_of(row: Row) -> Line:
    left, landed = row.dep_delay != "NA", row.arr_delay != "NA"
    return Line(
        flights=1,
        cancelled=int(not left),
        departed=int(left),
        arrived=int(landed),
        on_time=int(landed and int(row.arr_delay) < _LATE),
        departure_delay=int(row.dep_delay) if left else 0,
        arrival_delay=int(row.arr_delay) if landed else 0,
    )
