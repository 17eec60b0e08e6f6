"""Who is told what happens in the engine."""

from __future__ import annotations

from typing import Protocol

from consumer.model.facts import Fact


class Observer(Protocol):
    """Listens: logs, metrics and tests are observers. The engine decides nothing by what they do."""

    def happened(self, fact: Fact) -> None:
        """Called after each fact; must be quick and must not raise.

        On the worker's thread, but for `Lagged` and `Unmeasured`, which come on the one that measures.
        """
