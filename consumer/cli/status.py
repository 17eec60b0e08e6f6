"""`projections status`: where each projection stands, in each partition."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from consumer.cli import exits
from consumer.cli.given import Given
from consumer.cli.naming import projection_names
from consumer.cli.printing import cell, console, print_json, shown, spent, stamp, table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from consumer.engine.standing import Report, Standing
    from consumer.wiring.standing import Lookout

_COLUMNS = {
    "PROJECTION": False,
    "PARTITION": False,
    "STATE": False,
    "FOR": True,
    "CURRENT": True,
    "END": True,
    "LAG": True,
    "BEHIND": True,
    "EPOCH": True,
    "OWNER": False,
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
    5  a server is out of reach; where it is a source, what is known is shown
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
    if any(report.trouble for report in reports):
        raise typer.Exit(exits.FAILED)


def _watch(lookout: Lookout, names: Sequence[str], every: float, *, as_json: bool) -> None:
    with suppress(KeyboardInterrupt):  # which is how one ends it
        if as_json:
            for reports in _looks(lookout, names, every):
                print_json(_document(reports), lines=True)
        else:
            from rich.live import Live

            with Live(console=console(), auto_refresh=False) as live:
                for reports in _looks(lookout, names, every):
                    live.update(_page(reports), refresh=True)


def _looks(lookout: Lookout, names: Sequence[str], every: float) -> Iterator[Sequence[Report]]:
    while True:
        yield lookout.look(names)
        time.sleep(every)


def _page(reports: Sequence[Report]) -> RenderableType:
    from rich.console import Group

    now = datetime.now(UTC)
    rows = [_row(report, standing, now) for report in reports for standing in report.partitions]
    return Group(table(_COLUMNS, rows), *_remarks(reports))


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


def _document(reports: Sequence[Report]) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "at": stamp(now),
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
    checkpoint, lag = standing.checkpoint, standing.lag
    return {
        "partition": str(standing.partition),
        "state": standing.state,
        "since": stamp(standing.since),
        "reason": standing.reason or None,
        "current_offset": shown(checkpoint.offset) if checkpoint else None,
        "log_end": shown(standing.end),
        "lag_events": None if lag is None else lag.events,
        "lag_seconds": None if lag is None else round(lag.seconds(now), 3),
        "epoch": checkpoint.epoch if checkpoint else None,
        "owner": (checkpoint.owner or None) if checkpoint else None,
        "owner_present": standing.is_owner_present,
    }
