"""From settings to the store of the checkpoints, and what is kept beside them."""

from __future__ import annotations

from consumer.ports.audit import Audit
from consumer.ports.offset_store import OffsetStore
from consumer.ports.presence import Presence
from consumer.settings.offsets import OffsetSettings

_NO_KIND = "the settings refuse offsets of no kind"


def offset_store(settings: OffsetSettings) -> OffsetStore:
    """The store; raises `Misconfigured`, and `Transient` where it is out of reach."""
    if settings.redis is not None:
        from consumer.wiring.redis import offset_store as in_redis

        return in_redis(settings.redis)
    if settings.sqlite is not None:
        from consumer.adapters.sqlite.offset_store import SqliteOffsetStore

        return SqliteOffsetStore(settings.sqlite.path)
    raise AssertionError(_NO_KIND)


def presence(settings: OffsetSettings) -> Presence:
    """The leases of owners; raises `Misconfigured`, and `Transient` where the store is out of reach."""
    if settings.redis is not None:
        from consumer.wiring.redis import presence as in_redis

        return in_redis(settings.redis)
    if settings.sqlite is not None:
        from consumer.adapters.sqlite.presence import SqlitePresence

        return SqlitePresence(settings.sqlite.path)
    raise AssertionError(_NO_KIND)


def audit(settings: OffsetSettings) -> Audit:
    """The records of resets; raises `Misconfigured`, and `Transient` where the store is out of reach."""
    if settings.redis is not None:
        from consumer.wiring.redis import audit as in_redis

        return in_redis(settings.redis)
    if settings.sqlite is not None:
        from consumer.adapters.sqlite.audit import SqliteAudit

        return SqliteAudit(settings.sqlite.path)
    raise AssertionError(_NO_KIND)
