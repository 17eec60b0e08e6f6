"""From settings to the store of the checkpoints."""

from __future__ import annotations

from consumer.ports.offset_store import OffsetStore
from consumer.settings.offsets import OffsetSettings


def offset_store(settings: OffsetSettings) -> OffsetStore:
    """The store; raises `Misconfigured`, and `Transient` where it is out of reach."""
    if settings.redis is not None:
        from consumer.wiring.redis import offset_store as in_redis

        return in_redis(settings.redis)
    if settings.sqlite is not None:
        from consumer.adapters.sqlite.offset_store import SqliteOffsetStore

        return SqliteOffsetStore(settings.sqlite.path)
    raise AssertionError("the settings refuse offsets of no kind")
