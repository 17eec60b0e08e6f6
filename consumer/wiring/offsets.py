"""From settings to the store of the checkpoints, and what is kept beside them."""

from __future__ import annotations

from consumer.ports.audit import Audit
from consumer.ports.offset_store import OffsetStore
from consumer.ports.presence import Presence
from consumer.settings.offsets import OffsetSettings

_NO_KIND = "the settings refuse offsets of no kind"


def is_there(settings: OffsetSettings) -> bool:
    """False where a file is to be made, and could be."""
    path = settings.sqlite and settings.sqlite.path
    return not path or path.exists() or not path.parent.is_dir()


def kind(settings: OffsetSettings) -> str:
    """What keeps them, as people call it."""
    if settings.postgresql:
        return "PostgreSQL"
    return "Redis" if settings.redis else "SQLite"


def offset_store(settings: OffsetSettings, *, make: bool = True) -> OffsetStore:
    """The store; raises `Misconfigured`, and `Transient` where it is out of reach.

    For who only looks, and does not `make` a file, one that is not there is an empty store.
    """
    if not make and not is_there(settings):
        from consumer.adapters.memory.offset_store import MemoryOffsetStore

        return MemoryOffsetStore()
    if settings.redis is not None:
        from consumer.wiring.redis import offset_store as in_redis

        return in_redis(settings.redis)
    if settings.postgresql is not None:
        from consumer.wiring.postgresql import offset_store as in_postgresql

        return in_postgresql(settings.postgresql)
    if settings.sqlite is not None:
        from consumer.adapters.sqlite.offset_store import SqliteOffsetStore

        return SqliteOffsetStore(settings.sqlite.path)
    raise AssertionError(_NO_KIND)


def presence(settings: OffsetSettings, *, make: bool = True) -> Presence:
    """The leases of owners, as `offset_store` makes its own."""
    if not make and not is_there(settings):
        from consumer.adapters.memory.presence import MemoryPresence

        return MemoryPresence()
    if settings.redis is not None:
        from consumer.wiring.redis import presence as in_redis

        return in_redis(settings.redis)
    if settings.postgresql is not None:
        from consumer.wiring.postgresql import presence as in_postgresql

        return in_postgresql(settings.postgresql)
    if settings.sqlite is not None:
        from consumer.adapters.sqlite.presence import SqlitePresence

        return SqlitePresence(settings.sqlite.path)
    raise AssertionError(_NO_KIND)


def audit(settings: OffsetSettings, *, make: bool = True) -> Audit:
    """The records of resets, as `offset_store` makes its own."""
    if not make and not is_there(settings):
        from consumer.adapters.memory.audit import MemoryAudit

        return MemoryAudit()
    if settings.redis is not None:
        from consumer.wiring.redis import audit as in_redis

        return in_redis(settings.redis)
    if settings.postgresql is not None:
        from consumer.wiring.postgresql import audit as in_postgresql

        return in_postgresql(settings.postgresql)
    if settings.sqlite is not None:
        from consumer.adapters.sqlite.audit import SqliteAudit

        return SqliteAudit(settings.sqlite.path)
    raise AssertionError(_NO_KIND)
