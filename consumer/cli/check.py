"""`projections check`: all that is wrong, before anything runs."""

from __future__ import annotations

from typing import Annotated

import typer

from consumer.cli import exits
from consumer.cli.given import Given


def check(
    context: typer.Context,
    offline: Annotated[
        bool, typer.Option("--offline", help="Need no network: settings and import strings only.")
    ] = False,
) -> None:
    """Say what is wrong with the settings, all at once.

    Imports everything that they name and, unless --offline, tries every
    connection and looks for every topic.

    Exit codes:
    0  all is well
    1  something is wrong
    """
    from consumer.wiring.checking import checked

    settings = Given.by(context).settings()
    found = checked(settings, offline=offline)
    for line in found.fine:
        typer.echo(line)
    for line in found.problems:
        typer.echo(line, err=True)
    if found.problems:
        count = len(found.problems)
        typer.echo("1 problem" if count == 1 else f"{count} problems", err=True)
        raise typer.Exit(exits.MISCONFIGURED)
    typer.echo("all is well")
