"""What became of a row of a table elsewhere, as Debezium tells it."""

from __future__ import annotations

from typing import Generic, Literal, TypeVar

import msgspec

Row = TypeVar("Row")


class Change(msgspec.Struct, Generic[Row], frozen=True, gc=False):
    """The data of an event of the codec `debezium`; `Row` is a type of the columns that you want.

    `@customers.on(Change[CustomerRow], type="public.customers", key=lambda change: change.row.id)` declares
    one function for all that becomes of a row: after a delete `after` is None.
    """

    op: Literal["create", "update", "delete", "read", "truncate"]
    #: None where there was none, or nobody tells: PostgreSQL tells all of it with REPLICA IDENTITY FULL alone.
    before: Row | None = None
    #: None where it was deleted.
    after: Row | None = None

    @property
    def row(self) -> Row:
        """The row as it is, or the last of it; `LookupError` where the change has neither."""
        row = self.before if self.after is None else self.after
        if row is None:
            raise LookupError(
                f"a {self.op} has neither before nor after: for a truncate take its type of event apart; "
                "else let the database tell what was there (REPLICA IDENTITY, binlog_row_image)"
            )
        return row
