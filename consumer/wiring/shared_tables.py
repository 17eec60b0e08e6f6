"""Tables that two projections of one file would write."""

from __future__ import annotations

from collections.abc import Hashable
from urllib.parse import urlsplit

from consumer.errors import Misconfigured
from consumer.ports.projector import AnyProjector, TransactionalProjector
from consumer.settings.read_models import ReadModelSettings

_PORT = 5432


class TableOwners:
    """Who writes which table of which store."""

    def __init__(self) -> None:
        self._owners: dict[tuple[Hashable, str], str] = {}

    def take(
        self,
        projection: str,
        projector: AnyProjector | TransactionalProjector,
        store: ReadModelSettings | None,
    ) -> None:
        """Raises `Misconfigured` where another projection has taken one of the projector's tables: each would count
        into the rows of the other, and to reset one would delete the rows of both.
        """
        if store is None or store.redis is not None:  # where keys bear the projection's name
            return
        if not isinstance(projector, TransactionalProjector):
            return
        place = _place(store)
        for table in projector.tables:
            other = self._owners.setdefault((place, table.name), projection)
            if other != projection:
                raise Misconfigured(
                    f"it writes the same table as projections.{other} ({table.name}), and each would count into the "
                    "rows of the other: give one of them a table, or a read_model, of its own"
                )


def _place(store: ReadModelSettings) -> Hashable:
    if store.postgresql is None:
        return store.sqlite and store.sqlite.path.resolve()
    url = urlsplit(store.postgresql.url.get_secret_value())
    return url.hostname, url.port or _PORT, url.path, store.postgresql.db_schema
