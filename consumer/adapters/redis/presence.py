"""Who lives, in Redis: a key for each owner, which the server lets run out."""

from __future__ import annotations

from collections.abc import Collection

from consumer.adapters.redis.connection import Client, reachable
from consumer.errors import Closed


class RedisPresence:
    """The `Presence` on Redis 6.2 and later, Valkey, and their clusters.

    The client is its own from now on, which closes it.
    """

    def __init__(self, client: Client, *, prefix: str) -> None:
        self._client = client
        self._prefix = prefix
        self._closed = False

    def extend(self, owner: str, seconds: float) -> None:
        """As `Presence.extend`, to the millisecond."""
        key = self._key(owner)
        with reachable(f"extend the lease of {owner}"):
            self._client.set(key, "1", px=max(1, round(seconds * 1000)))

    def leave(self, owner: str) -> None:
        """As `Presence.leave`."""
        key = self._key(owner)
        with reachable(f"end the lease of {owner}"):
            self._client.delete(key)

    def present(self, owners: Collection[str]) -> frozenset[str]:
        """As `Presence.present`, in one round trip (one a node in a cluster)."""
        self._check_open()
        asked = list(owners)
        keys = [self._key(owner) for owner in asked]
        with reachable("tell which owners live"), self._client.pipeline(transaction=False) as line:
            for key in keys:
                line.exists(key)
            lives = line.execute()
        return frozenset(owner for owner, there in zip(asked, lives, strict=True) if there)

    def close(self) -> None:
        """As `Presence.close`."""
        if not self._closed:
            self._closed = True
            with reachable("let its connections go"):
                self._client.close()

    def _key(self, owner: str) -> str:
        self._check_open()
        return f"{self._prefix}:present:{owner}"

    def _check_open(self) -> None:
        if self._closed:
            raise Closed("the leases of owners are closed")
