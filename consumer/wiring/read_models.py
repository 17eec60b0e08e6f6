"""From settings to the store of a projection's rows."""

from __future__ import annotations

from consumer.ports.read_model import ReadModel
from consumer.settings.read_models import ReadModelSettings


def read_model(settings: ReadModelSettings) -> ReadModel:
    """The store; raises `Misconfigured`. Nothing is connected yet."""
    raise AssertionError("the settings refuse a read model of no kind")
