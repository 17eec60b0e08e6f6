"""How many entries stand behind an offset: told by Redis where it can, else counted in pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from consumer.adapters.redis.connection import Client
from consumer.adapters.redis.extents import Extent, Group
from consumer.adapters.redis.ids import offset_of
from consumer.adapters.redis.scripts import Script, run_each
from consumer.adapters.redis.streams import stream_name
from consumer.model.position import Partition, StreamOffset

#: Entries that a page counts at most, and all pages of one round trip: a server counts some 500 in a
#: millisecond, does nothing else in a page, and must have answered within a connection's time-out.
_PAGE_SIZE = 2_000
_AT_ONCE = 20_000

#: The server counts, so that the entries stay there. after, through, limit -> how many there are, the
#: last of them, and the first entry of the stream
_PAGE = Script(
    """
local page = redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], ARGV[2], 'COUNT', ARGV[3])
local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
return {#page, #page > 0 and page[#page][1] or '', first and first[1] or ''}
"""
)


class Behind:
    """How many entries stand behind an offset, at the moment when an extent was asked for.

    Where that does not tell, the stretches from the offset to each place whose number is known are
    counted side by side, and the shortest one decides.
    """

    def __init__(self, offset: StreamOffset, extent: Extent, groups: Sequence[Group]) -> None:
        self.offset = offset
        self.extent = extent
        #: Exactly; None while it is not known.
        self.events = _told(offset, extent, groups)
        self.stretches: list[Stretch] = []
        if self.events is None and extent.first and extent.last:
            self.stretches = _stretches(offset, extent, extent.first, extent.last, groups)

    @property
    def at_least(self) -> int:
        """As far as it was counted, and never 0 where something is left."""
        if self.events is not None:
            return self.events
        return max([1, *(each.number for each in self.stretches if each.sign > 0)])

    def take(self) -> None:
        """Looks at its stretches again, which may have been counted on."""
        if not self.stretches:
            return
        self.stretches = [each for each in self.stretches if not each.is_spoiled]
        self.events = next((each.number for each in self.stretches if each.is_over), None)
        if self.events is not None:
            self.stretches = []


class Stretch:
    """What is to be counted between two places, to know the number of one from that of the other."""

    def __init__(
        self,
        after: StreamOffset,
        through: StreamOffset,
        *,
        known: int,
        sign: int,
        first: StreamOffset,
    ) -> None:
        #: From here on it is not counted yet.
        self.after = after
        self.through = through
        #: What stands behind the offset, as far as was counted.
        self.number = known
        self.sign = sign
        #: The first entry of the stream when `known` was true.
        self._first = first
        self.is_over = False
        #: Whether entries were trimmed before they were counted.
        self.is_spoiled = False

    def take(self, limit: int, count: int, last: bytes, first: bytes) -> None:
        """Adds a page of up to `limit` entries: how many, the last of them, and the stream's first entry."""
        begins = offset_of(first) if first else None
        self.is_spoiled = begins is None or self._first != begins > self.after
        self.number += self.sign * count
        self.is_over = count < limit
        if count:
            self.after = offset_of(last)


def count(client: Client, behinds: Mapping[Partition, Behind], *, at_most: int) -> None:
    """Counts on where it is not over, all of them side by side, until it is or so many entries were counted.

    May raise `Transient`; what was counted until then is kept.
    """
    left = at_most
    while left > 0:
        uncounted = [
            (stream_name(partition), stretch)
            for partition, behind in behinds.items()
            for stretch in behind.stretches
        ]
        if not uncounted:
            return
        limit = max(1, min(_PAGE_SIZE, _AT_ONCE // len(uncounted)))
        _count_on(client, uncounted, limit)
        for behind in behinds.values():
            behind.take()
        left -= limit * len(uncounted)


def _count_on(client: Client, stretches: Sequence[tuple[str, Stretch]], limit: int) -> None:
    calls: list[tuple[str, list[str | int]]] = [
        (name, [str(each.after), str(each.through), limit]) for name, each in stretches
    ]
    pages = run_each(client, _PAGE, calls, f"count the entries of {stretches[0][0]}, and others")
    for (_, each), page in zip(stretches, pages, strict=True):
        each.take(limit, *page)


def _told(offset: StreamOffset, extent: Extent, groups: Sequence[Group]) -> int | None:
    """What needs no counting."""
    if extent.first is None or extent.last is None or offset >= extent.last:
        return 0
    if offset < extent.first:
        return extent.length
    return next(
        (group.lag for group in groups if group.offset == offset and _is_sane(group, extent)), None
    )


def _stretches(
    offset: StreamOffset,
    extent: Extent,
    first: StreamOffset,
    last: StreamOffset,
    groups: Sequence[Group],
) -> list[Stretch]:
    known = {group.offset: group.lag or 0 for group in groups if _is_sane(group, extent)}
    known |= {first.previous: extent.length, last: 0}
    below = max(place for place in known if place < offset)
    above = min(place for place in known if place > offset)
    return [
        Stretch(below, offset, known=known[below], sign=-1, first=first),
        Stretch(offset, above, known=known[above], sign=1, first=first),
    ]


def _is_sane(group: Group, extent: Extent) -> bool:
    """Whether what Redis tells of a group can be: whoever made it may have told Redis any number, and of
    one before the first entry it may count what was trimmed, too.
    """
    if group.lag is None or extent.first is None or extent.last is None:
        return False
    return extent.first <= group.offset < extent.last and 0 < group.lag < extent.length
