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
    postgresql: bool = False,
    flights: int | None = None,
    folder: Path = Path("build/demo"),
) -> int:
    """Tells the whole story on the terminal; 0 if the read model is right, else 1.

    `kafka` is a broker's address, "" for one that is started here, None for Redis Streams. The first
    `flights` of the year are taken, or all. The read model is a SQLite file that stays in `folder`, or in a
    PostgreSQL that ends with the demo. Raises `Misconfigured` where a server or the flights are not to be had.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # servers end too
    console = Console(highlight=False)
    started = time.monotonic()
    year = list(rows(flights))
    truth = board.of_source(year)
    console.print(f"{len(year):,} flights, {truth.events:,} events", style="bold")
    if kafka == "":
        console.print(
            "starting Kafka; the first time it comes from Maven Central, in about a minute"
        )
    with stage(kafka, kill=kill, postgresql=postgresql, folder=folder) as here:
        console.print(
            Syntax(
                f"# projections.yaml\n{here.settings}",
                "yaml",
                background_color="default",
                word_wrap=True,
            )
        )
        fleet = Fleet(here, truth.events, console)
        try:
            _publish(here, year, truth.events, console)
            console.print(
                f"projections run flights --until-caught-up  (x {_WORKERS})", style="bold"
            )
            fleet.run(_WORKERS, kill=kill)
        except DemoFailed as failed:
            console.print(str(failed), style="red", markup=False, soft_wrap=True)
            return 1
        ours = board.of_read_model(here.store)
    for table in board.tables(ours):
        console.print(table)
    seconds = time.monotonic() - started
    console.print(f"{here.store.told}, made in {seconds:.0f} s", soft_wrap=True)
    if kafka:
        console.print(f"the topic {here.topic} stays on {kafka}", soft_wrap=True)
    return _verdict(fleet, board.differences(ours, truth), console, kill=kill)


def _publish(here: Stage, year: Iterable[Row], total: int, console: Console) -> None:
    words = ["publish", here.topic, "--source", "main", "--file", "-"]
    if "kafka:" in here.settings:
        words += ["--partitions", str(PARTITIONS)]
    console.print(f"projections {' '.join(words)}", style="bold")
    publisher = here.projections(*words, log="publish.log", fed=True)
    assert publisher.stdin is not None  # noqa: S101  it is fed
    with (
        suppress(BrokenPipeError),  # its exit code and its words say why
        publisher,
        bars(console, "handed to publish") as progress,
    ):
        bar = add_bar(progress, "publish", total)
        for number, line in enumerate(lines(year), start=1):
            publisher.stdin.write(line)
            if number % 1000 == 0 or number == total:
                move_bar(progress, bar, number)
    if publisher.returncode != 0:
        said = here.said("publish.log")
        raise DemoFailed(f"publish ended with exit code {publisher.returncode}:\n{said}")


def _verdict(fleet: Fleet, found: list[str], console: Console, *, kill: bool) -> int:
    for difference in found[:_SHOWN]:
        console.print(difference, style="red")
    counted = sum(fleet.counted.values())
    miscounted = counted != fleet.total
    if miscounted:
        console.print(
            f"{counted:,} events were counted, and there are {fleet.total:,}", style="red"
        )
    else:
        too = ", those of the killed worker too" if fleet.killed else ""
        console.print(f"each of the {fleet.total:,} events counted once{too}")
    unkilled = kill and not fleet.killed
    if unkilled:
        console.print("no worker was killed: there were too few flights to do", style="red")
    console.print(f"checked: {fleet.total} events, {len(found)} differences")
    return 1 if found or miscounted or unkilled else 0
