"""A claimed stream, and how far it was read."""

from __future__ import annotations

from collections.abc import Sequence

from consumer.adapters.redis.connection import Client
from consumer.adapters.redis.continuity import follows, loss, what_is_missing
from consumer.adapters.redis.entries import Entry
from consumer.adapters.redis.extents import extent
from consumer.adapters.redis.ids import ZERO, offset_of
from consumer.adapters.redis.streams import stream_name
from consumer.adapters.redis.tallies import Tally
from consumer.errors import OffsetLost
from consumer.model.position import Claim, Partition, StreamOffset


class Reading:
    """The place in a claimed stream up to which it was read; it moves over entries without a gap."""

    def __init__(self, claim: Claim) -> None:
        offset = claim.offset
        if not isinstance(offset, StreamOffset):
            raise OffsetLost(
                f"the checkpoint {offset} of {claim.projection} in {claim.partition} is no id of a "
                "stream: it was made on another kind of log; reset the projection's offsets"
            )
        self.claim = claim
        self.name = stream_name(claim.partition)
        #: How far it was applied, and how many entries that is.
        self.tally = Tally(offset)
        #: The last entry read.
        self.through = offset
        #: How many entries had been added to the stream up to there, where that is known.
        self._counted = 0 if offset == ZERO else None
        self._end_is_known = False

    @property
    def partition(self) -> Partition:
        """The partition read."""
        return self.claim.partition

    def advance(self, entries: Sequence[Entry]) -> None:
        """Notes that these were read."""
        self.through = offset_of(entries[-1][0])
        self.tally.handed_out(self.through, len(entries))
        self._end_is_known = False
        if self._counted is not None:
            self._counted += len(entries)

    def behind(self, entries: Sequence[Entry], client: Client) -> Sequence[Entry]:
        """Those of the entries that are not read yet, all of them there.

        `entries` were read from just below `through`, so the first must be the one read last; where
        it is not, others could have been trimmed with it. Raises `OffsetLost` unless they were not.
        """
        first = offset_of(entries[0][0]) if entries else None
        proven = first is not None and follows(self.through, first)
        if first == self.through:
            entries = entries[1:]
        if proven and (entries or self._end_is_known):
            return entries
        if self.through == ZERO and not entries:
            return entries
        found = extent(client, self.partition)
        if not proven and (missing := what_is_missing(self.through, self._counted, found)):
            raise OffsetLost(loss(self.partition, self.through, missing))
        if not entries and found is not None and found.end <= self.through:
            self._counted = found.added
        self._end_is_known = True
        return entries
