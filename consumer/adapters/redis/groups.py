"""Where a consumer group stands in each stream, as Redis' tools and autoscalers read it there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from consumer.adapters.redis.connection import Client
from consumer.adapters.redis.scripts import Script, run_each
from consumer.adapters.redis.streams import stream_name
from consumer.errors import Misconfigured
from consumer.model.position import Partition, StreamOffset

#: Named in an error's text; the others are a number.
_NAMED = 3

#: In one step, so that nobody begins to read in the group between the look and the move. A stream that
#: does not exist has no groups. group, id, entries read or "" -> 1 where others read in it
_PUT = Script(
    """
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
local group, id, read = unpack(ARGV)
local command = 'CREATE'
for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local found = {}
  for i = 1, #flat, 2 do
    found[flat[i]] = flat[i + 1]
  end
  if found['name'] == group then
    if found['consumers'] > 0 or found['pending'] > 0 then
      return 1
    end
    command = 'SETID'
  end
end
local call = {'XGROUP', command, KEYS[1], group, id}
if read ~= '' then
  call[6], call[7] = 'ENTRIESREAD', read
end
redis.call(unpack(call))
return 0
"""
)


class Place(msgspec.Struct, frozen=True):
    """Where a group is to stand."""

    offset: StreamOffset
    #: How many of all entries ever added it has behind it; None where that is not known, or the server
    #: does not count, and then Redis tells no lag.
    read: int | None


def put(client: Client, group: str, places: Mapping[Partition, Place]) -> list[Partition]:
    """Puts the group there, and makes it where it is not. Where others read in a group of that name it stays
    as it is, for they would skip entries: those partitions.

    May raise `Transient`, and `Misconfigured` where the ACL forbids it.
    """
    calls: list[tuple[str, list[str | int]]] = [
        (
            stream_name(partition),
            [group, str(place.offset), "" if place.read is None else place.read],
        )
        for partition, place in places.items()
    ]
    answers = run_each(
        client, _PUT, calls, f"put the group {group} where {len(calls)} partitions are"
    )
    return [partition for partition, is_taken in zip(places, answers, strict=True) if is_taken]


def taken(group: str, partitions: Sequence[Partition]) -> Misconfigured:
    """Others read in a group that is called like the projection."""
    named = ", ".join(map(str, partitions[:_NAMED]))
    more = f" and {len(partitions) - _NAMED} more" if len(partitions) > _NAMED else ""
    return Misconfigured(
        f"another application reads in the consumer group {group} of {named}{more}, so it was not moved "
        f"to where the projection {group} is. Give the projection another name, or its source mirror: false"
    )
