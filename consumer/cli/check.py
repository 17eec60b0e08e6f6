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
    from consumer.wiring.checking import findings

    problems = 0
    for finding in findings(Given.by(context).settings(), offline=offline):
        for line in finding.lines:
            typer.echo(line, err=finding.is_problem)
            problems += finding.is_problem
    if problems:
        typer.echo("1 problem" if problems == 1 else f"{problems} problems", err=True)
        raise typer.Exit(exits.MISCONFIGURED)
    typer.echo("all is well")
