"""The records of resets, in the PostgreSQL that holds the checkpoints."""

from __future__ import annotations

from collections.abc import Sequence

from consumer.adapters.postgresql.checkpoint_tables import CheckpointTables
from consumer.adapters.postgresql.connection import Cursor, Database
from consumer.model.names import validated_name
from consumer.model.reset import KEPT, Reset, decoded, encoded

_KEEP = "INSERT INTO projection_audit (projection, reset) VALUES (%s, %s)"

_CAP = """
DELETE FROM projection_audit WHERE projection = %s AND number <= (
    SELECT number FROM projection_audit WHERE projection = %s
    ORDER BY number DESC OFFSET %s LIMIT 1)"""


class PostgresqlAudit:
    """The `Audit` in a table of `schema`."""

    def __init__(
        self, database: Database, *, schema: str = "public", create_tables: bool = True
    ) -> None:
        self._tables = CheckpointTables(database, schema=schema, create=create_tables)
        self._keep = self._tables.named(_KEEP)
        self._cap = self._tables.named(_CAP)
        self._records = self._tables.named(
            "SELECT reset FROM projection_audit WHERE projection = %s ORDER BY number"
        )

    def record(self, reset: Reset) -> None:
        """As `Audit.record`."""
        name = validated_name(reset.projection)

        def kept(cursor: Cursor) -> None:
            cursor.execute(self._keep, (name, encoded(reset).decode()))
            cursor.execute(self._cap, (name, name, KEPT))

        self._tables.write(kept)

    def records(self, projection: str) -> Sequence[Reset]:
        """As `Audit.records`."""
        name = validated_name(projection)
        return [decoded(record) for (record,) in self._tables.rows(self._records, (name,))]

    def close(self) -> None:
        """As `Audit.close`."""
        self._tables.close()
