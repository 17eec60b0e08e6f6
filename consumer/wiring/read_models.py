"""From settings to the store of a projection's rows."""

from __future__ import annotations

from consumer.errors import Misconfigured
from consumer.ports.read_model import ReadModel
from consumer.settings.read_models import ReadModelSettings

_NO_KIND = "the settings refuse a read model of no kind"


def read_model(settings: ReadModelSettings, *, seconds: float | None) -> ReadModel:
    """The store; raises `Misconfigured`, and `Transient` where it is out of reach.

    No statement, and no pause within a transaction, takes longer than `seconds` (None: as long as it
    takes), where the store can see to that: so a worker that was stopped holds nobody up for longer.
    """
    if settings.postgresql is not None:
        from consumer.wiring.postgresql import read_model as in_postgresql

        return in_postgresql(settings.postgresql, seconds=seconds)
    if settings.sqlite is not None:
        from consumer.adapters.sqlite.read_model import SqliteReadModel

        return SqliteReadModel(settings.sqlite.path, create_tables=settings.sqlite.create_tables)
    if settings.redis is not None:
        from consumer.wiring.redis import read_model as in_redis

        return in_redis(settings.redis)
    raise AssertionError(_NO_KIND)


def reach(settings: ReadModelSettings) -> str:
    """What is there; nothing is made. Raises `Misconfigured`, and `Transient` where it is out of reach."""
    if settings.postgresql is not None:
        from consumer.wiring.postgresql import reach as reach_postgresql

        reach_postgresql(settings.postgresql)
        return f"PostgreSQL answers; tables in the schema {settings.postgresql.db_schema}"
    if settings.sqlite is not None:
        path = settings.sqlite.path
        if not path.parent.is_dir():
            raise Misconfigured(f"{path} cannot be made: there is no folder {path.parent}")
        return f"{path} {'is there' if path.exists() else 'is to be made'}"
    if settings.redis is not None:
        from consumer.wiring.redis import read_model as in_redis

        in_redis(settings.redis).close()
        return "Redis answers"
    raise AssertionError(_NO_KIND)
