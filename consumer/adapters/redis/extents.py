"""What Redis tells of a stream: how long it is, where it begins and ends, and where its groups stand."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from consumer.adapters.redis.connection import Client
from consumer.adapters.redis.ids import ZERO, offset_of
from consumer.adapters.redis.scripts import Script, run_each
from consumer.adapters.redis.streams import stream_name
from consumer.model.position import Partition, StreamOffset

#: In one step, so that the numbers belong together. offset -> what `_extent` reads; nil without a stream
_DESCRIBE = Script(
    """
if redis.call('EXISTS', KEYS[1]) == 0 then
  return false
end
local function named(flat)
  local map = {}
  for i = 1, #flat, 2 do
    map[flat[i]] = flat[i + 1]
  end
  return map
end
local function id(entry)
  return entry and entry[1] or ''
end
local groups = {}
for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local group = named(flat)
  groups[#groups + 1] = {group['name'], group['last-delivered-id'], group['lag'] or -1,
    group['consumers']}
end
local stream = named(redis.call('XINFO', 'STREAM', KEYS[1]))
local behind = redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], '+', 'COUNT', 1)
return {
  stream['length'], stream['last-generated-id'], id(stream['first-entry']), id(stream['last-entry']),
  stream['entries-added'] or -1, stream['max-deleted-entry-id'] or '0-0', id(behind[1]), groups
}
"""
)


class Group(msgspec.Struct, frozen=True):
    """Where a consumer group stands in a stream."""

    name: bytes
    offset: StreamOffset
    #: What lies behind it, as Redis counts; None where it cannot tell, as before Redis 7.0.
    lag: int | None
    #: Readers of other applications: a projection reads in no group.
    consumers: int = 0


class Extent(msgspec.Struct, frozen=True):
    """What Redis tells of a stream that exists."""

    length: int
    #: The id of the entry added last, whether it is still there or not.
    last_added: StreamOffset
    #: The first and the last entry that are there; None while there are none.
    first: StreamOffset | None
    last: StreamOffset | None
    #: How many entries were ever added; None before Redis 7.0, which does not count them.
    added: int | None
    #: The highest id that was ever deleted by itself, not trimmed.
    deleted: StreamOffset = ZERO
    #: The first entry behind the offset that was asked about; None where nothing is.
    behind: StreamOffset | None = None
    groups: tuple[Group, ...] = ()

    def groups_of_ours(self, names: Collection[str]) -> list[Group]:
        """Those of these names in which nobody else reads: only of them it is known who put them there."""
        ours = {name.encode() for name in names}
        return [each for each in self.groups if each.name in ours and not each.consumers]

    @property
    def end(self) -> StreamOffset:
        """Where nothing is left to apply."""
        return self.last or self.last_added


def extent(client: Client, partition: Partition) -> Extent | None:
    """What Redis tells of the partition's stream; None where there is no such key."""
    return extents(client, {partition: ZERO})[partition]


def extents(
    client: Client, offsets: Mapping[Partition, StreamOffset]
) -> dict[Partition, Extent | None]:
    """The same for many, each with what lies behind an offset, in one round trip. May raise `Transient`."""
    calls = [(stream_name(partition), [str(offset)]) for partition, offset in offsets.items()]
    of = str(next(iter(offsets))) if len(offsets) == 1 else f"{len(offsets)} partitions"
    answers = run_each(client, _DESCRIBE, calls, f"describe the stream of {of}")
    return {
        partition: None if answer is None else _extent(answer)
        for partition, answer in zip(offsets, answers, strict=True)
    }


def _extent(answer: list[Any]) -> Extent:
    length, last_added, first, last, added, deleted, behind, groups = answer
    return Extent(
        length,
        offset_of(last_added),
        _entry(first),
        _entry(last),
        _count(added),
        offset_of(deleted),
        _entry(behind),
        tuple(
            Group(name, offset_of(place), _count(lag), consumers)
            for name, place, lag, consumers in groups
        ),
    )


def _entry(entry_id: bytes) -> StreamOffset | None:
    return offset_of(entry_id) if entry_id else None


def _count(number: int) -> int | None:
    return None if number < 0 else number
