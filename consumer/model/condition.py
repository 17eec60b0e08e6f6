"""How a partition fares, as its worker left word in the checkpoint's record."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

State = Literal["running", "waiting", "halted"]


class Condition(msgspec.Struct, frozen=True, gc=False):
    """A partition's state, and since when."""

    state: State
    #: One line, without payload and secrets; "" while running.
    reason: str = ""
    #: By the offset store's clock, with its zone; None in records of releases that noted none.
    since: datetime | None = None


def running(since: datetime | None = None) -> Condition:
    """Nothing stands in the partition's way."""
    return Condition("running", since=since)
