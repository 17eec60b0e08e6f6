"""Where checkpoints are kept, and how to reach a Redis."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, model_validator

from consumer.settings.postgresql import PostgresqlConnection
from consumer.settings.shape import SecretFile, Shape, one_of, secret_in

_SCHEMES = ("redis://", "rediss://", "unix://")


def _redis_url(url: SecretStr) -> SecretStr:
    if not url.get_secret_value().startswith(_SCHEMES):
        raise ValueError(f"must start with {', '.join(_SCHEMES[:-1])} or {_SCHEMES[-1]}")
    return url


#: A prefix becomes a part of every key; braces would tell a Redis Cluster where to put it.
Prefix = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$")]


class RedisConnection(Shape):
    """A Redis or Valkey server, a Sentinel group, or a Cluster."""

    url: Annotated[SecretStr, AfterValidator(_redis_url)]
    """As in `redis://localhost:6379/0`; `rediss://` for TLS. A secret, since it may hold a password."""

    username: str | None = None
    """The user of Redis' ACL; `default` where nothing is said."""

    password: SecretStr | None = None
    """Better as `${REDIS_PASSWORD}`, from the environment, or in a file: see `password_file`."""

    password_file: SecretFile | None = None
    """A file that holds the password, such as a mounted Kubernetes secret."""

    cluster: bool = False
    """Whether the URL names a node of a Redis Cluster."""

    sentinel: str | None = None
    """The name of the master that Sentinels watch; the URL then names these: `redis://one:26379,two:26379/0`."""

    @model_validator(mode="after")
    def _one_way_in(self) -> RedisConnection:
        if self.password and self.password_file:
            raise ValueError("takes either password or password_file, and has both")
        if self.cluster and self.sentinel:
            raise ValueError("takes either cluster or sentinel, and has both")
        return self

    @property
    def secret(self) -> str | None:
        """The password, read anew from its file, so it may raise `Misconfigured`."""
        if self.password_file is not None:
            return secret_in(self.password_file)
        return None if self.password is None else self.password.get_secret_value()


class RedisOffsets(RedisConnection):
    """Checkpoints in Redis: for a fleet."""

    prefix: Prefix = "projections"
    """What every key starts with. Give each environment that shares a Redis its own."""


class SqliteOffsets(Shape):
    """Checkpoints in a SQLite file: for workers on one machine."""

    path: Path
    """The file; it is made if need be."""


class OffsetSettings(Shape):
    """Where checkpoints are kept: `redis`, `postgresql` or `sqlite`."""

    redis: RedisOffsets | None = None
    """In Redis: for a fleet."""

    postgresql: PostgresqlConnection | None = None
    """In PostgreSQL: for a fleet without a Redis. It may be the database of the read models, and its schema."""

    sqlite: SqliteOffsets | None = None
    """In a SQLite file: for workers on one machine."""

    @model_validator(mode="after")
    def _one_kind(self) -> OffsetSettings:
        one_of(self, "redis", "postgresql", "sqlite")
        return self
