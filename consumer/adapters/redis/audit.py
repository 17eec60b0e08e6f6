"""The records of resets, in Redis: a list for each projection."""

from __future__ import annotations

from collections.abc import Sequence

from consumer.adapters.redis.connection import Client, reachable
from consumer.adapters.redis.scripts import Script, run
from consumer.errors import Closed
from consumer.model.names import validated_name
from consumer.model.reset import KEPT, Reset, decoded, encoded

#: record. One that is there already is that of a call whose reply was lost.
_RECORD = Script(
    f"""
if not redis.call('LPOS', KEYS[1], ARGV[1], 'RANK', -1) then
  redis.call('RPUSH', KEYS[1], ARGV[1])
  redis.call('LTRIM', KEYS[1], -{KEPT}, -1)
end
return 1
"""
)


class RedisAudit:
    """The `Audit` on Redis 6.2 and later, Valkey, and their clusters.

    The client is its own from now on, which closes it.
    """

    def __init__(self, client: Client, *, prefix: str) -> None:
        self._client = client
        self._prefix = prefix
        self._closed = False

    def record(self, reset: Reset) -> None:
        """As `Audit.record`."""
        key = self._key(reset.projection)
        run(self._client, _RECORD, [key], [encoded(reset)], f"record a reset of {reset.projection}")

    def records(self, projection: str) -> Sequence[Reset]:
        """As `Audit.records`."""
        key = self._key(projection)
        with reachable(f"list the resets of {projection}"):
            found = self._client.lrange(key, 0, -1)
        return [decoded(record) for record in found]

    def close(self) -> None:
        """As `Audit.close`."""
        if not self._closed:
            self._closed = True
            with reachable("let its connections go"):
                self._client.close()

    def _key(self, projection: str) -> str:
        if self._closed:
            raise Closed("the audit is closed")
        return f"{self._prefix}:audit:{validated_name(projection)}"
