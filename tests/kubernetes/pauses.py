"""How long partitions paused, story by story: a line each, and a table at the end of the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Pause:
    """What happened, and by partition the longest way of an event from its publisher into the rows meanwhile."""

    story: str
    what: str
    seconds: Mapping[int, float]
    below: float
    #: How many partitions were claimed meanwhile, any of them as often as it moved.
    moved: int

    @property
    def longest(self) -> float:
        return max(self.seconds.values(), default=float("inf"))

    @property
    def line(self) -> str:
        return (
            f"{self.story:<24} {self.what:<44} {self.longest:6.2f} s (below {self.below:g})"
            f" {self.moved:3} claims"
        )


def table(pauses: Sequence[Pause]) -> list[str]:
    """The lines, as the end of a run shows them."""
    return [pause.line for pause in pauses]
