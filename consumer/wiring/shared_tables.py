"""Tables that two projections of one file would write."""

from __future__ import annotations

from collections.abc import Hashable

from consumer.errors import Misconfigured
from consumer.ports.projector import TransactionalProjector
from consumer.settings.document import Settings
from consumer.settings.projections import ProjectionSettings
from consumer.wiring.projectors import projector


def refuse_shared_tables(settings: Settings, name: str) -> None:
    """Raises `Misconfigured` where a projection above this one writes one of its tables: each counts into the
    rows of the other, and to reset one deletes the rows of both.
    """
    own = _tables(settings.projections[name])
    for other, projection in settings.projections.items():
        if other == name:
            return
        if shared := own & _tables(projection):
            tables = ", ".join(sorted(table for _, table in shared))
            raise Misconfigured(
                f"it writes the same table as projections.{other} ({tables}), and each would count into the rows of the "
                "other: give one of them a table, or a read_model, of its own"
            )


def _tables(projection: ProjectionSettings) -> set[tuple[Hashable, str]]:
    """Each with the store that it is in. Empty too where it cannot be told: what is wrong then others tell."""
    store = projection.read_model
    if store is None or store.redis is not None:  # where keys bear the projection's name
        return set()
    place: Hashable = store.sqlite and store.sqlite.path.resolve()
    if store.postgresql is not None:
        place = store.postgresql.url.get_secret_value(), store.postgresql.db_schema
    try:
        own = projector(projection.projector)
    except Misconfigured:
        return set()
    if not isinstance(own, TransactionalProjector):
        return set()
    return {(place, table.name) for table in own.tables}
