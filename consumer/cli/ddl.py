"""`projections ddl`: the tables of a read model, for whoever makes them by hand."""

from __future__ import annotations

from typing import Annotated

import typer

from consumer.cli.given import Given
from consumer.cli.naming import projection_names


def ddl(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            help="A projection of the settings.",
            show_default=False,
            autocompletion=projection_names,
        ),
    ],
) -> None:
    """Print the SQL that makes the tables of a projection's read model.

    For those whose DBA makes tables, with create_tables: false. Imports the
    projector, and connects to nothing. What is there already stays as it is:

    projections ddl customers | psql "$DATABASE_URL"

    Exit codes:
    0  printed; or nothing is to be made, which is then said
    1  misconfigured, or a projection without a read model
    2  wrong usage
    """
    from consumer.wiring.ddl import ddl as told

    found = told(Given.by(context).settings(), name)
    typer.echo(found.sql, nl=False)
    if found.note:
        typer.echo(found.note, err=True)
