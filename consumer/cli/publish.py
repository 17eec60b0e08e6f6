"""`projections publish`: events from a file into a topic."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from consumer.cli.given import Given

#: Lines between two updates of the progress bar; each costs about as much as publishing an event.
_LINES = 500


def publish(
    context: typer.Context,
    topic: Annotated[str, typer.Argument(help="A topic.", show_default=False)],
    file: Annotated[
        typer.FileBinaryRead,
        typer.Option(
            "--file", help="JSON Lines, an event each; - is standard input.", show_default=False
        ),
    ],
    source: Annotated[
        str | None,
        typer.Option(
            "--source",
            help="A source of the settings; need not be said where there is one.",
            show_default=False,
        ),
    ] = None,
    partitions: Annotated[
        int | None,
        typer.Option(
            "--partitions",
            min=1,
            help="Make the topic with this many, if there is none.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Publish events as CloudEvents, each to the partition of its subject.

    A line is one JSON object, with further attributes of CloudEvents as you like:
    {"type": "OrderPlaced", "subject": "order-1", "data": {"total": 3}}

    Ends at the first line that is no event, and at Ctrl-C, once those before
    it are in the log, and says how many these are. Where the broker's answer
    is lost an event may be published twice.

    Exit codes:
    0  all events are in the log
    1  misconfigured, or a line is no event
    2  wrong usage
    5  the broker is out of reach
    130  ended by Ctrl-C
    """
    from consumer.engine.publishing import publish as published
    from consumer.settings.projections import validated_topic
    from consumer.wiring.brokers import broker

    given = Given.by(context)
    settings = given.settings()
    given.log()
    publisher = broker(settings.source(source or settings.only_source())).publisher(
        validated_topic(topic), partitions=partitions
    )
    try:
        published(
            publisher,
            _shown(file),
            in_log=partial(_tell, topic),
        )
    finally:
        publisher.close()


def _tell(topic: str, count: int) -> None:
    events = "1 event" if count == 1 else f"{count} events"
    typer.echo(f"published {events} to {topic}", err=True)


def _shown(stream: BinaryIO) -> Iterable[bytes]:
    """The lines, with a bar on a terminal that shows how far they are read."""
    return _with_bar(stream) if sys.stderr.isatty() else stream


def _with_bar(stream: BinaryIO) -> Iterator[bytes]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("publishing"),
        BarColumn(),
        TextColumn("{task.fields[events]:,} events"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        size = None if stream is sys.stdin.buffer else Path(stream.name).stat().st_size
        task = progress.add_task("publishing", total=size, events=0)
        passed = number = 0
        for number, line in enumerate(stream, start=1):
            yield line
            passed += len(line)
            if number % _LINES == 0:
                progress.update(task, completed=passed, events=number)
        progress.update(task, completed=size, events=number)
