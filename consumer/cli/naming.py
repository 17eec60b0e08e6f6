"""Names that the shell completes."""

from __future__ import annotations

import os
from pathlib import Path

import typer


def projection_names(context: typer.Context, incomplete: str) -> list[str]:
    """Those of the settings that begin so; none where the settings cannot be read."""
    from consumer.settings.names import names_in

    given = context.parent
    while given is not None and given.parent is not None:
        given = given.parent
    said = given.params.get("config") if given is not None else None
    path = said or os.environ.get("PROJECTIONS_CONFIG") or "projections.yaml"
    return [name for name in names_in(Path(path)) if name.startswith(incomplete)]
