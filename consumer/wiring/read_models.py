"""From settings to the store of a projection's rows."""

from __future__ import annotations

from consumer.ports.read_model import ReadModel
from consumer.settings.read_models import ReadModelSettings


def read_model(settings: ReadModelSettings, *, seconds: float | None) -> ReadModel:
    """The store; raises `Misconfigured`, and `Transient` where it is out of reach.

    No statement, and no pause within a transaction, takes longer than `seconds` (None: as long as it
    takes), where the store can see to that: so a worker that was stopped holds nobody up for longer.
    """
    raise AssertionError("the settings refuse a read model of no kind")
