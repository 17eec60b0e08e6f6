"""Kafka, Redis and PostgreSQL outside the cluster: real processes of this machine, once for all stories."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import psycopg

from consumer.embedded.kafka import Kafka
from consumer.embedded.postgresql import Postgresql
from consumer.embedded.valkey import Valkey
from tests.servers import _or_missing, postgresql_programs_on_path, valkey_binary

#: Workers come in as this role, with a password; the stories look as the superuser, without one.
ROLE = "projections"


@dataclass(frozen=True)
class Outside:
    """The servers, at the address of this machine that pods reach."""

    kafka: Kafka
    #: It keeps what it answered for when it is killed or stopped.
    valkey: Valkey
    postgresql: Postgresql
    #: Of `ROLE`: what stands in the pods' Secret.
    password: str = field(default_factory=lambda: secrets.token_hex(12))

    def database(self, name: str) -> None:
        """A new one, which belongs to the workers' role."""
        with psycopg.connect(self.postgresql.url, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" OWNER {ROLE}')

    def url(self, database: str, role: str = "postgres") -> str:
        """The way to a database, without a password."""
        return f"postgresql://{role}@{self.postgresql.address}/{database}"

    def let_workers_in(self) -> None:
        """By their password alone."""
        file = self.postgresql.folder / "data" / "pg_hba.conf"
        file.write_text(f"host all {ROLE} samenet scram-sha-256\n{file.read_text()}")
        with psycopg.connect(self.postgresql.url, autocommit=True) as connection:
            connection.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{self.password}'")
            connection.execute("SELECT pg_reload_conf()")


@contextmanager
def outside(host: str) -> Iterator[Outside]:
    """All three, up. Raises `tests.servers.Missing`."""
    with ExitStack() as stack, _or_missing():
        found = Outside(
            stack.enter_context(Kafka(host=host)),
            stack.enter_context(Valkey(server=valkey_binary(), append_only=True, host=host)),
            stack.enter_context(Postgresql(programs=postgresql_programs_on_path(), host=host)),
        )
        found.let_workers_in()
        opened = stack.pop_all()
    with opened:
        yield found
