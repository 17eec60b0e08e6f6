"""From one schema version of an event's data to the next."""

from __future__ import annotations

from typing import Any, Protocol


class Upcaster(Protocol):
    """Turns the data of one type of event from a schema version into the next one."""

    @property
    def type(self) -> str:
        """The type of event."""

    @property
    def version(self) -> int:
        """The schema version that it takes; it makes the one above."""

    def upcast(self, data: Any) -> Any:
        """The data in the next schema version, from plain Python values (dict, list, str, int ...).

        Pure: the same input gives the same output, and nothing else changes.
        """
