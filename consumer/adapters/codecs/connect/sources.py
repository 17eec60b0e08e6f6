"""Where a change stands in its database: what Debezium says of its source."""

from __future__ import annotations

from typing import Any

import msgspec

#: Of a MySQL position, the bits of the place within the file: a terabyte, and 8 million files. What is written at
#: one place may change several rows, and one row twice; each takes a byte at least, so the sum of both grows.
_PLACE_BITS = 40
_FILE_BITS = 63 - _PLACE_BITS

_MYSQL = frozenset({"mysql", "mariadb"})
_STREAMED = frozenset({None, False, "false"})


class Source(msgspec.Struct, gc=False):
    """Of a change's `source`, what an event is made of. What one connector alone has may be of any type."""

    connector: str | None = None
    db: str | None = None
    schema: str | None = None
    table: str | None = None
    #: MongoDB's word for a table.
    collection: str | None = None
    ts_ms: int | None = None
    snapshot: str | bool | None = None
    lsn: Any = None
    file: Any = None
    pos: Any = None
    row: Any = None

    @property
    def table_name(self) -> str:
        """As in `public.customers`; the database's name stands in front where there are no schemas."""
        return f"{self.schema or self.db or ''}.{self.table or self.collection or ''}"

    @property
    def place(self) -> tuple[str | None, int | None]:
        """The position in the database's log, the same whenever the change is read, None where it is not known.

        And the position as a number that grows with each change of a row. What a snapshot read has none: it is
        the state at some time, and changes from before may follow.
        """
        is_streamed = self.snapshot in _STREAMED
        if self.connector == "postgresql":
            lsn = self.lsn
            if not isinstance(lsn, int):
                return None, None
            return str(lsn), lsn if is_streamed else None
        if self.connector in _MYSQL and self.file is not None:
            sequence = None
            if is_streamed:
                sequence = _place_in_files(self.file, self.pos, self.row)
            return f"{self.file}:{self.pos}:{self.row}", sequence
        return None, None


def _place_in_files(file: Any, place: Any, row: Any) -> int | None:
    """`mysql-bin.000003`, the place in it and the row there, as one number."""
    digits = file.rpartition(".")[2] if isinstance(file, str) else ""
    if not (digits.isascii() and digits.isdecimal() and isinstance(place, int)):
        return None
    number = int(digits[-10:])
    place += row if isinstance(row, int) else 0
    is_small = number < 1 << _FILE_BITS and 0 <= place < 1 << _PLACE_BITS
    return number << _PLACE_BITS | place if is_small else None
