"""How to reach a PostgreSQL."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, model_validator

from consumer.settings.shape import SecretFile, Shape, secret_in

_SCHEMES = ("postgresql://", "postgres://")


def _postgresql_url(url: SecretStr) -> SecretStr:
    if not url.get_secret_value().startswith(_SCHEMES):
        raise ValueError(f"must start with {' or '.join(_SCHEMES)}")
    return url


class PostgresqlConnection(Shape):
    """A PostgreSQL server, 14 or newer."""

    url: Annotated[SecretStr, AfterValidator(_postgresql_url)]
    """As in `postgresql://user@host:5432/shop?sslmode=verify-full`; what it leaves out libpq takes from its own
    variables, such as `PGHOST`. A secret, since it may hold a password.
    """

    password: SecretStr | None = None
    """Better as `${PGPASSWORD}`, from the environment, or in a file: see `password_file`."""

    password_file: SecretFile | None = None
    """A file that holds the password, such as a mounted Kubernetes secret; it is read at each connection."""

    db_schema: Annotated[str, Field(alias="schema", pattern=r"^[a-z_][a-z0-9_]{0,62}$")] = "public"
    """The schema that holds the tables. It is made if need be, unless `create_tables` is off."""

    pooled: bool = False
    """Whether the URL names PgBouncer in transaction pooling, or a pooler like it: then nothing is kept in sessions."""

    create_tables: bool = True
    """Whether tables that are missing are made. Turned off, a DBA makes them, of what `projections ddl` prints."""

    @model_validator(mode="after")
    def _one_password(self) -> PostgresqlConnection:
        if self.password and self.password_file:
            raise ValueError("takes either password or password_file, and has both")
        return self

    @property
    def secret(self) -> str | None:
        """The password, read anew from its file, so it may raise `Misconfigured`."""
        if self.password_file is not None:
            return secret_in(self.password_file)
        return None if self.password is None else self.password.get_secret_value()
