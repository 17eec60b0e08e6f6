"""How many entries of a stream stand up to a checkpoint: what a group is told to have read."""

from __future__ import annotations

from collections import deque

from consumer.adapters.redis.counting import Behind
from consumer.adapters.redis.extents import Extent
from consumer.adapters.redis.groups import Place
from consumer.model.position import StreamOffset


class Tally:
    """The number of all entries ever added less those behind the checkpoint, which is what Redis
    takes a group's lag from.

    Once known it moves by what was handed out. It is forgotten where an entry behind the checkpoint was
    deleted since, and found anew; Redis tells no lag of a group before such a gap anyway.
    """

    def __init__(self, offset: StreamOffset) -> None:
        #: The checkpoint.
        self.offset = offset
        #: What the group was last told.
        self.shown: Place | None = None
        #: Begun, where nothing tells the number; of what stood behind an earlier checkpoint.
        self.counting: Behind | None = None
        self._read: int | None = None
        #: An earlier checkpoint, behind which nothing had been deleted when it was looked at.
        self._sure_at = offset
        #: What was handed out behind the checkpoint: through where, and how many entries.
        self._handed_out: deque[tuple[StreamOffset, int]] = deque()
        #: Entries that the checkpoint moved over since `counting` began.
        self._since = 0

    @property
    def place(self) -> Place:
        """Where the group is to stand."""
        return Place(self.offset, self._read)

    @property
    def is_due(self) -> bool:
        """Whether the group has still to be told."""
        return self.place != self.shown or self.counting is not None

    def handed_out(self, through: StreamOffset, entries: int) -> None:
        """Notes a batch."""
        self._handed_out.append((through, entries))

    def applied(self, offset: StreamOffset) -> None:
        """The checkpoint moved there, to the end of a batch or, where it stops for good, into one."""
        last, passed = self.offset, 0
        while self._handed_out and self._handed_out[0][0] <= offset:
            last, entries = self._handed_out.popleft()
            passed += entries
        self.offset = offset
        if last != offset:
            self._read = self.counting = None
            self._handed_out.clear()
        elif self._read is not None:
            self._read += passed
        self._since += passed

    def saw(self, extent: Extent, group: str) -> None:
        """Takes from what Redis tells now what it says of the number; begins to count where it says nothing."""
        if extent.added is None:
            return
        if extent.deleted > self._sure_at:
            self._read = None
        if self.counting is not None and extent.deleted > self.counting.offset:
            self.counting = None
        ours = extent.groups_of_ours([group]) if self._read is None else []
        found = Behind(self.offset, extent, ours)
        if found.events is not None:
            self._read, self.counting = extent.added - found.events, None
        elif self._read is None and self.counting is None and extent.deleted < self.offset:
            self.counting, self._since = found, 0
        if self._read is not None:
            self._sure_at = self.offset

    def counted(self) -> None:
        """Looks whether the count is over."""
        found = self.counting
        if found is None or found.extent.added is None:
            return
        if found.events is not None:
            self._read = found.extent.added - found.events + self._since
            self._sure_at = found.offset
        if not found.stretches:
            self.counting = None
