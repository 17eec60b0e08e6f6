"""Who lives, in the PostgreSQL that holds the checkpoints."""

from __future__ import annotations

from collections.abc import Collection

from consumer.adapters.postgresql.checkpoint_tables import CheckpointTables
from consumer.adapters.postgresql.connection import Database

#: What others clear away too is left to them, so that nobody waits for anybody.
_EXTEND = """
WITH gone AS (
    DELETE FROM projection_presence WHERE owner IN (
        SELECT owner FROM projection_presence
        WHERE expires_at <= clock_timestamp() AND owner <> %s FOR UPDATE SKIP LOCKED))
INSERT INTO projection_presence (owner, expires_at)
VALUES (%s, clock_timestamp() + make_interval(secs => %s))
ON CONFLICT (owner) DO UPDATE SET expires_at = excluded.expires_at"""

_LEAVE = "DELETE FROM projection_presence WHERE owner = %s"

_PRESENT = """
SELECT owner FROM projection_presence WHERE owner = ANY(%s) AND expires_at > clock_timestamp()"""


class PostgresqlPresence:
    """The `Presence` in a table of `schema`, by the server's clock."""

    def __init__(
        self, database: Database, *, schema: str = "public", create_tables: bool = True
    ) -> None:
        self._tables = CheckpointTables(database, schema=schema, create=create_tables)
        self._extend = self._tables.named(_EXTEND)
        self._leave = self._tables.named(_LEAVE)
        self._present = self._tables.named(_PRESENT)

    def extend(self, owner: str, seconds: float) -> None:
        """As `Presence.extend`; leases that ran out are cleared away."""
        self._tables.changed(self._extend, (owner, owner, float(seconds)))

    def leave(self, owner: str) -> None:
        """As `Presence.leave`."""
        self._tables.changed(self._leave, (owner,))

    def present(self, owners: Collection[str]) -> frozenset[str]:
        """As `Presence.present`."""
        return frozenset(owner for (owner,) in self._tables.rows(self._present, (list(owners),)))

    def close(self) -> None:
        """As `Presence.close`."""
        self._tables.close()
