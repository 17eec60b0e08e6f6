"""The demo from its first line to its last: publish, project, show, check."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from rich.console import Console
from rich.syntax import Syntax

from consumer.demo import board
from consumer.demo.bars import add_bar, bars, move_bar
from consumer.demo.events import lines
from consumer.demo.fleet import DemoFailed, Fleet
from consumer.demo.source import Row, rows
from consumer.demo.stage import PARTITIONS, Stage, stage

_WORKERS = 2

#: Differences that are shown; the count at the end is of all.
_SHOWN = 20


def run(
    kafka: str | None = None,
    kill: bool = False,
    flights: int | None = None,
    folder: Path = Path("build/demo"),
) -> int:
    """Tells the whole story on the terminal; 0 if the read model is right, else 1.

    `kafka` is a broker's address, "" for one that is started here, None for Redis Streams. The first
    `flights` of the year are taken, or all. The read model stays in `folder`. Raises `Misconfigured`
    where a server or the flights are not to be had.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # servers end too
    console = Console(highlight=False)
    started = time.monotonic()
    year = list(rows(flights))
    truth = board.of_source(year)
    console.print(f"[bold]{len(year):,} flights, {truth.events:,} events[/]")
    with stage(kafka, kill=kill, folder=folder) as here:
        console.print(
            Syntax(f"# projections.yaml\n{here.settings}", "yaml", background_color="default")
        )
        fleet = Fleet(here, truth.events, console)
        try:
            _publish(here, year, truth.events, console)
            console.print(f"[bold]projections run flights --until-caught-up[/]  (x {_WORKERS})")
            fleet.run(_WORKERS, kill=kill)
        except DemoFailed as failed:
            console.print(f"[red]{failed}[/]", soft_wrap=True)
            return 1
        ours = board.of_read_model(here.read_model)
    for table in board.tables(ours):
        console.print(table)
    console.print(
        f"the read model is {here.read_model}, made in {time.monotonic() - started:.0f} s"
    )
    told = _repeats(fleet, kill=kill)
    console.print(told)
    return _verdict(board.differences(ours, truth), truth.events, console) or int(
        kill and not fleet.killed
    )


def _publish(here: Stage, year: Iterable[Row], total: int, console: Console) -> None:
    words = ["publish", here.topic, "--source", "main", "--file", "-"]
    if "kafka:" in here.settings:
        words += ["--partitions", str(PARTITIONS)]
    console.print(f"[bold]projections {' '.join(words)}[/]")
    publisher = here.projections(*words, log="publish.log", fed=True)
    assert publisher.stdin is not None  # noqa: S101  it is fed
    with (
        suppress(BrokenPipeError),  # its exit code and its words say why
        publisher,
        bars(console, "published") as progress,
    ):
        bar = add_bar(progress, "publish", total)
        for number, line in enumerate(lines(year), start=1):
            publisher.stdin.write(line)
            if number % 1000 == 0 or number == total:
                move_bar(progress, bar, number)
    if publisher.returncode != 0:
        said = here.said("publish.log")
        raise DemoFailed(f"publish ended with exit code {publisher.returncode}:\n{said}")


def _repeats(fleet: Fleet, *, kill: bool) -> str:
    repeated = sum(fleet.applied.values()) - fleet.total
    if kill and not fleet.killed:
        return "[red]no worker was killed: so few flights were done before one got stuck[/]"
    return f"{repeated:,} events were applied twice" + (
        ", and each row is right all the same" if repeated else ""
    )


def _verdict(found: list[str], events: int, console: Console) -> int:
    for difference in found[:_SHOWN]:
        console.print(f"[red]{difference}[/]")
    console.print(f"checked: {events} events, {len(found)} differences")
    return 1 if found else 0
