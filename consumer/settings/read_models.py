"""Where the rows of a projection are kept."""

from __future__ import annotations

from pathlib import Path

from pydantic import model_validator

from consumer.settings.offsets import Prefix, RedisConnection
from consumer.settings.postgresql import PostgresqlConnection
from consumer.settings.shape import Shape, one_of


class SqliteReadModelSettings(Shape):
    """A SQLite file: for workers on one machine."""

    path: Path
    """The file; it is made if need be (its folder is not). It may be that of the offsets."""

    create_tables: bool = True
    """Whether tables that are missing are made."""


class RedisReadModelSettings(RedisConnection):
    """Hashes in Redis, one a row. On a Cluster all rows of a projection share a slot, and so a node."""

    prefix: Prefix = "read-model"
    """What every key starts with."""


class ReadModelSettings(Shape):
    """A store that takes rows and offset in one transaction: `postgresql`, `sqlite` or `redis`."""

    postgresql: PostgresqlConnection | None = None
    """In PostgreSQL."""

    sqlite: SqliteReadModelSettings | None = None
    """In a SQLite file."""

    redis: RedisReadModelSettings | None = None
    """In Redis."""

    @model_validator(mode="after")
    def _one_kind(self) -> ReadModelSettings:
        one_of(self, "postgresql", "sqlite", "redis")
        return self

    @property
    def kind(self) -> str:
        """Which of them it is."""
        return next(name for name in type(self).model_fields if getattr(self, name) is not None)
