"""`projections check`: all that is wrong, before anything runs."""

from __future__ import annotations

from typing import Annotated

import typer

from consumer.cli import exits
from consumer.cli.given import Given
from consumer.cli.printing import print_json


def check(
    context: typer.Context,
    offline: Annotated[
        bool, typer.Option("--offline", help="Need no network: settings and import strings only.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a document.")] = False,
) -> None:
    """Say what is wrong with the settings, all at once.

    Imports everything that they name and, unless --offline, tries every
    connection and looks for every topic.

    Exit codes:
    0  all is well
    1  something is wrong
    2  wrong usage
    """
    from consumer.wiring.checking import findings

    found = findings(Given.by(context).settings(), offline=offline)
    problems = sum(len(finding.lines) for finding in found if finding.is_problem)
    if as_json:
        print_json(
            {
                "problems": problems,
                "findings": [
                    {"problem": finding.is_problem, "text": line}
                    for finding in found
                    for line in finding.lines
                ],
            }
        )
    else:
        for finding in found:
            for line in finding.lines:
                typer.echo(line, err=finding.is_problem)
        counted = "1 problem" if problems == 1 else f"{problems} problems"
        typer.echo(counted if problems else "all is well", err=bool(problems))
    if problems:
        raise typer.Exit(exits.MISCONFIGURED)
