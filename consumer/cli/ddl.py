"""`projections ddl`: the tables of a read model, for whoever makes them by hand."""

from __future__ import annotations

from typing import Annotated

import typer

from consumer.cli.given import Given
from consumer.cli.naming import projection_names


def ddl(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(
            help="A projection of the settings; the offsets where none is named.",
            show_default=False,
            autocompletion=projection_names,
        ),
    ] = None,
) -> None:
    """Print the SQL that makes the tables of a read model, or of the offsets.

    For those whose DBA makes tables, with create_tables: false. Imports the
    projector, and connects to nothing. What is there already stays as it is:

    projections ddl customers | psql "$DATABASE_URL"

    Exit codes:
    0  printed; or nothing is to be made, which is then said
    1  misconfigured, or a projection without a read model
    2  wrong usage
    """
    from consumer.wiring.ddl import ddl as of_read_model
    from consumer.wiring.ddl import ddl_of_offsets

    settings = Given.by(context).settings()
    found = ddl_of_offsets(settings) if name is None else of_read_model(settings, name)
    typer.echo(found.sql, nl=False)
    if found.note:
        typer.echo(found.note, err=True)
