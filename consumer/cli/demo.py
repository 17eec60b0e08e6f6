"""`projections demo`: a year of real flights, before one's eyes."""

from __future__ import annotations

from typing import Annotated

import typer


def demo(
    address: Annotated[
        str | None,
        typer.Argument(
            help="With --kafka: a broker of yours.", metavar="HOST:PORT", show_default=False
        ),
    ] = None,
    kafka: Annotated[
        bool,
        typer.Option(
            "--kafka", help="Over Kafka: at the address, or else one that is started for the demo."
        ),
    ] = False,
    kill: Annotated[
        bool, typer.Option("--kill", help="Kill a worker between an apply and its commit.")
    ] = False,
    flights: Annotated[
        int | None,
        typer.Option(
            "--flights", min=1, help="Take the first so many flights only.", show_default="all"
        ),
    ] = None,
) -> None:
    """Publish a year of flights, project it with two workers, and check the result.

    Starts the servers that it needs, and stops them. Needs the extra `demo`.

    Exit codes:
    0  the read model is right
    1  it is not, or something is missing
    """
    if address is not None and not kafka:
        raise typer.BadParameter("an address goes with --kafka", param_hint="[HOST:PORT]")
    from consumer.demo.story import run

    raise typer.Exit(run(kafka=(address or "") if kafka else None, kill=kill, flights=flights))
