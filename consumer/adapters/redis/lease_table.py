"""Members and leases of one topic's streams, in Redis: each change is one script."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from consumer.adapters.redis.connection import Client
from consumer.adapters.redis.scripts import Script, run
from consumer.adapters.redis.shares import Table

#: worker -> members and their numbers, streams and their owners
_BEAT = Script(
    """
redis.call('HINCRBY', KEYS[1], ARGV[1], 1)
return {redis.call('HGETALL', KEYS[1]), redis.call('HGETALL', KEYS[2])}
"""
)

#: worker, the number at which it stands, or "" for any. The worker and all its leases go.
_REMOVE = Script(
    """
local worker, number = unpack(ARGV)
if number ~= '' and redis.call('HGET', KEYS[1], worker) ~= number then
  return 0
end
redis.call('HDEL', KEYS[1], worker)
local leases = redis.call('HGETALL', KEYS[2])
for i = 1, #leases, 2 do
  if leases[i + 1] == worker then
    redis.call('HDEL', KEYS[2], leases[i])
  end
end
return 1
"""
)

#: worker, how many, streams ... -> those of them that are its own now. A lease of somebody who is no
#: member is nobody's; and who is no member itself, having been thought dead, gets none.
_TAKE = Script(
    """
local worker, left, taken = ARGV[1], tonumber(ARGV[2]), {}
if redis.call('HEXISTS', KEYS[1], worker) == 0 then
  return taken
end
for i = 3, #ARGV do
  local owner = redis.call('HGET', KEYS[2], ARGV[i])
  if left > 0 and (not owner or redis.call('HEXISTS', KEYS[1], owner) == 0) then
    redis.call('HSET', KEYS[2], ARGV[i], worker)
    taken[#taken + 1] = ARGV[i]
    left = left - 1
  end
end
return taken
"""
)

#: worker, streams ...
_RELEASE = Script(
    """
for i = 2, #ARGV do
  if redis.call('HGET', KEYS[2], ARGV[i]) == ARGV[1] then
    redis.call('HDEL', KEYS[2], ARGV[i])
  end
end
return 1
"""
)


class LeaseTable:
    """Who serves a topic for a projection, and who owns which of its streams.

    A lease holds as long as its owner is a member, and a member is who beats. All methods are safe to
    repeat, and may raise `Transient`.
    """

    def __init__(self, client: Client, *, prefix: str, projection: str, topic: str) -> None:
        self.topic = topic
        self._client = client
        #: What a person calls it.
        self.name = f"the leases of {projection} on {topic}"
        # In braces is what a cluster hashes: the two share a slot.
        self._keys = [f"{prefix}:{kind}:{{{projection}:{topic}}}" for kind in ("members", "leases")]

    def beat(self, worker: str) -> Table:
        """Says that the worker lives, which makes it a member; and what the table holds then."""
        members, leases = self._run(_BEAT, "extend", worker)
        return Table(
            {name.decode(): int(number) for name, number in _pairs(members)},
            {int(stream): owner.decode() for stream, owner in _pairs(leases)},
        )

    def remove(self, worker: str, number: int | None = None) -> None:
        """Takes the worker and its leases out; with `number`, only if it still stands there."""
        self._run(_REMOVE, "clear", worker, "" if number is None else number)

    def take(self, worker: str, limit: int, streams: Collection[int]) -> list[int]:
        """Gives the worker up to `limit` of these streams that are nobody's; says which it got."""
        return [int(stream) for stream in self._run(_TAKE, "take", worker, limit, *streams)]

    def release(self, worker: str, streams: Collection[int]) -> None:
        """Makes these streams nobody's, those that are the worker's."""
        self._run(_RELEASE, "release", worker, *streams)

    def _run(self, script: Script, deed: str, *args: str | int) -> Any:
        return run(self._client, script, self._keys, list(args), f"{deed} {self.name}")


def _pairs(flat: list[bytes]) -> list[tuple[bytes, bytes]]:
    return list(zip(flat[::2], flat[1::2], strict=True))
