"""Where a projection that never ran starts to read."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec


class Start(msgspec.Struct, frozen=True):
    """A place to start from: `beginning`, `end`, a point in time, or another group's offsets."""

    at: Literal["beginning", "end", "time", "group"]
    #: With a zone; only with `time`.
    time: datetime | None = None
    #: A consumer group of the broker; only with `group`.
    group: str | None = None

    def __str__(self) -> str:
        if self.at == "group":
            return f"group:{self.group}"
        return str(self.time.isoformat()) if self.time else self.at

    @staticmethod
    def parse(text: str) -> Start:
        """Reads `beginning`, `end`, `group:NAME` or an ISO 8601 time with its zone; else `ValueError`."""
        if text == "beginning":
            return BEGINNING
        if text == "end":
            return Start("end")
        kind, _, name = text.partition(":")
        if kind == "group" and name:
            return Start("group", group=name)
        try:
            time = datetime.fromisoformat(text)
        except ValueError:
            time = None
        if time is None or time.tzinfo is None:
            raise ValueError(
                f"{text!r} is no place to start: write beginning, end, group:NAME, "
                "or a time with its zone, as in 2026-11-01T00:00:00Z"
            )
        return Start("time", time=time)


BEGINNING = Start("beginning")
