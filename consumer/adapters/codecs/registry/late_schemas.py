"""Schemas that a registry does not know yet: one replica of it took them from a producer, and we ask another."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from consumer.adapters.codecs.registry.framing import SchemaId
from consumer.model.record import Record

#: For so long after a record was written may its schema be on its way. Replicas of Confluent's registry follow one
#: another through a topic, which takes milliseconds unless one of them was just started.
PATIENCE = timedelta(seconds=10)

#: Schemas of which it is kept since when they are missed, at most.
_MOST = 10_000


class LateSchemas:
    """Tells who may still come. Of records from before nobody waits for a schema, be there however many of them."""

    def __init__(self) -> None:
        #: By our own clock, for a producer's may be some seconds ahead.
        self._missed_since: dict[SchemaId, float] = {}

    def may_come(self, record: Record, schema_id: SchemaId) -> bool:
        """Whether the record is so new that its schema may not have arrived everywhere."""
        if record.time is None or abs(datetime.now(UTC) - record.time) > PATIENCE:
            return False
        if len(self._missed_since) >= _MOST:
            self._missed_since.clear()
        now = time.monotonic()
        return now - self._missed_since.setdefault(schema_id, now) < PATIENCE.total_seconds()
