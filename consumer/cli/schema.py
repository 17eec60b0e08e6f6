"""`projections settings-schema`: what editors need to know of projections.yaml."""

from __future__ import annotations

import json

import typer


def settings_schema() -> None:
    """Print the JSON Schema of projections.yaml.

    Editors complete and check the file by it. Save it beside the file:

    projections settings-schema > projections.schema.json

    and let the file's first line say so:

    # yaml-language-server: $schema=projections.schema.json

    It knows only the file: `projections check` looks at all the rest.

    Exit codes:
    0  printed
    2  wrong usage
    """
    from consumer.settings.schema import json_schema

    typer.echo(json.dumps(json_schema(), indent=2))
