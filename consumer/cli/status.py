"""`projections status`: where each projection stands, in each partition."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from consumer.cli import exits
from consumer.cli.given import Given
from consumer.cli.naming import projection_names
from consumer.cli.printing import (
    Columns,
    cell,
    console,
    entry,
    print_json,
    shown,
    spent,
    stamp,
    table,
)
from consumer.errors import Misconfigured, Transient

if TYPE_CHECKING:
    from rich.console import RenderableType

    from consumer.engine.standing import Report, Standing
    from consumer.wiring.standing import Lookout

_COLUMNS: Columns = {
    "PROJECTION": "name",
    "PARTITION": "name",
    "STATE": "word",
    "FOR": "number",
    "CURRENT": "number",
    "END": "number",
    "LAG": "number",
    "BEHIND": "number",
    "EPOCH": "number",
    "OWNER": "name",
}


def status(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(
            help="A projection of the settings; all, where none is named.",
            show_default=False,
            autocompletion=projection_names,
        ),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Look again and again, till Ctrl-C.")] = (
        False
    ),
    every: Annotated[
        float, typer.Option("--every", min=0.1, help="Seconds between two looks of --watch.")
    ] = 2.0,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print a document; with --watch one per line and look."),
    ] = False,
) -> None:
    """Show how far each projection has come in each partition.

    CURRENT and END are what the broker's own tools tell: on Kafka the offset
    to be read next and the end of the log, on Redis Streams ids. LAG counts
    events, BEHIND is the age of the first that is to be applied. FOR is how
    long the STATE lasts. Needs no worker.

    Exit codes:
    0  shown
    1  misconfigured
    2  wrong usage
    5  a server is out of reach

    Where 1 or 5 is for a source, what is known without it is shown.
    """
    from consumer.wiring.standing import Lookout

    settings = Given.by(context).settings()
    names = list(settings.projections) if name is None else [name]
    for each in names:
        settings.projection(each)  # raises where there is none
    with closing(Lookout(settings)) as lookout:
        if watch:
            _watch(lookout, names, every, as_json=as_json)
            return
        reports = lookout.look(names)
    if as_json:
        print_json(_document(reports))
    else:
        console().print(_page(reports))
    troubles = [report.trouble for report in reports if report.trouble]
    if any(isinstance(trouble, Misconfigured) for trouble in troubles):
        raise typer.Exit(exits.MISCONFIGURED)
    if troubles:
        raise typer.Exit(exits.FAILED)


def _watch(lookout: Lookout, names: Sequence[str], every: float, *, as_json: bool) -> None:
    with suppress(KeyboardInterrupt), ExitStack() as screen:  # Ctrl-C is how one ends it
        show = _shower(screen, as_json=as_json)
        while True:
            try:
                show(lookout.look(names), None)
            except Transient as cause:  # the offset store may come back
                show((), cause)
            time.sleep(every)


def _shower(
    screen: ExitStack, *, as_json: bool
) -> Callable[[Sequence[Report], Transient | None], None]:
    if as_json:
        return lambda reports, cause: print_json(_document(reports, cause), lines=True)
    printer = console()
    if not printer.is_terminal:
        return lambda reports, cause: printer.print(_page(reports, cause))
    from rich.live import Live

    live = screen.enter_context(Live(console=printer, auto_refresh=False))
    return lambda reports, cause: live.update(_page(reports, cause), refresh=True)


def _page(reports: Sequence[Report], cause: Transient | None = None) -> RenderableType:
    from rich.console import Group

    now = datetime.now(UTC)
    rows = [_row(report, standing, now) for report in reports for standing in report.partitions]
    lines = [str(cause)] if cause else list(_remarks(reports))
    return Group(*([table(_COLUMNS, rows)] if rows else []), *lines)


def _row(report: Report, standing: Standing, now: datetime) -> list[str]:
    checkpoint, lag = standing.checkpoint, standing.lag
    owner = checkpoint.owner if checkpoint else ""
    return [
        report.projection,
        str(standing.partition),
        standing.state,
        spent(None if standing.since is None else (now - standing.since).total_seconds()),
        cell(shown(checkpoint.offset) if checkpoint else None),
        "?" if report.trouble else cell(shown(standing.end)),
        cell(None if lag is None else lag.events),
        spent(None if lag is None else lag.seconds(now)),
        cell(checkpoint.epoch if checkpoint else None),
        cell(owner) if standing.is_owner_present or not owner else f"{owner} (gone)",
    ]


def _remarks(reports: Sequence[Report]) -> Iterator[str]:
    """What no column has room for, a line each."""
    for report in reports:
        if report.trouble:
            yield f"{report.projection}: its log tells no end: {report.trouble}"
        for standing in report.partitions:
            if standing.reason:
                yield f"{report.projection} {standing.partition}: {standing.reason}"
        if not report.partitions and not report.trouble:
            yield f"{report.projection}: no partitions"


def _document(reports: Sequence[Report], cause: Transient | None = None) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "at": stamp(now),
        "trouble": str(cause) if cause else None,
        "projections": [
            {
                "projection": report.projection,
                "trouble": str(report.trouble) if report.trouble else None,
                "partitions": [_entry(standing, now) for standing in report.partitions],
            }
            for report in reports
        ],
    }


def _entry(standing: Standing, now: datetime) -> dict[str, Any]:
    lag = standing.lag
    return {
        **entry(standing),
        "log_end": shown(standing.end),
        "lag_events": None if lag is None else lag.events,
        "lag_seconds": None if lag is None else round(lag.seconds(now), 3),
    }
