"""Bytes as read from a log, with their address."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from consumer.model.position import Claim, Offset, Partition


class Record(msgspec.Struct, frozen=True, gc=False):
    """One record of a partition, not yet understood."""

    partition: Partition
    offset: Offset
    #: The partition key; None if the record has none.
    key: bytes | None
    #: None is a tombstone.
    value: bytes | None
    #: Names may repeat. On Redis Streams: the entry's fields but `key` and `data`.
    headers: Sequence[tuple[str, bytes | None]] = ()
    #: The broker's own time for the record, with its zone.
    time: datetime | None = None
    #: Why the client could not hand the record out whole; a record with a fault is `Undecodable`.
    fault: str | None = None


class Fetched(msgspec.Struct, frozen=True):
    """What one poll brought of one partition, in order."""

    claim: Claim
    #: May be empty: the log can move without records for us (transaction markers, compaction).
    records: Sequence[Record]
    #: Everything up to here is in `records` or was never ours to see.
    through: Offset
