"""The records of resets, in this process's memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from threading import Lock

from consumer.errors import Closed
from consumer.model.names import validated_name
from consumer.model.reset import KEPT, Reset


class MemoryAudit:
    """The `Audit` without a server."""

    def __init__(self) -> None:
        self._records: dict[str, deque[Reset]] = {}
        self._lock = Lock()
        self._closed = False

    def record(self, reset: Reset) -> None:
        """As `Audit.record`."""
        name = self._name(reset.projection)
        with self._lock:
            self._records.setdefault(name, deque(maxlen=KEPT)).append(reset)

    def records(self, projection: str) -> Sequence[Reset]:
        """As `Audit.records`."""
        name = self._name(projection)
        with self._lock:
            return list(self._records.get(name, ()))

    def close(self) -> None:
        """As `Audit.close`; the records are gone with it."""
        self._closed = True

    def _name(self, projection: str) -> str:
        if self._closed:
            raise Closed("the audit is closed")
        return validated_name(projection)
