"""From settings to the guard by sequences."""

from __future__ import annotations

from consumer.engine.guarding import Guarding
from consumer.ports.observer import Observer
from consumer.settings.projections import ProjectionSettings


def guarding(
    name: str, projection: ProjectionSettings, observer: Observer | None = None
) -> Guarding | None:
    """The guard of the projection's rows; None where there is to be none."""
    if projection.sequences is None:
        return None
    return Guarding(name, gaps=projection.sequences.gaps, observer=observer)
