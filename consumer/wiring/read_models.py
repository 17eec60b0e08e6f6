"""From settings to the store of a projection's rows."""

from __future__ import annotations

from consumer.ports.read_model import ReadModel
from consumer.settings.read_models import ReadModelSettings


def read_model(settings: ReadModelSettings, *, seconds: float | None) -> ReadModel:
    """The store; raises `Misconfigured`, and `Transient` where it is out of reach.

    No statement, and no pause within a transaction, takes longer than `seconds` (None: as long as it
    takes), where the store can see to that: so a worker that was stopped holds nobody up for longer.
    """
    if settings.postgresql is not None:
        from consumer.adapters.postgresql.read_model import PostgresqlReadModel

        database = settings.postgresql
        return PostgresqlReadModel(
            database.url.get_secret_value(),
            password=lambda: database.secret,
            schema=database.db_schema,
            pooled=database.pooled,
            create_tables=database.create_tables,
            seconds=seconds,
        )
    if settings.sqlite is not None:
        from consumer.adapters.sqlite.read_model import SqliteReadModel

        return SqliteReadModel(settings.sqlite.path, create_tables=settings.sqlite.create_tables)
    if settings.redis is not None:
        from consumer.wiring.redis import read_model as in_redis

        return in_redis(settings.redis)
    raise AssertionError("the settings refuse a read model of no kind")
