"""Keeps a consumer group where the checkpoints are, beside the reading."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import monotonic

from consumer.adapters.redis.connection import Client
from consumer.adapters.redis.counting import count
from consumer.adapters.redis.extents import extents
from consumer.adapters.redis.groups import put, taken
from consumer.adapters.redis.tallies import Tally
from consumer.errors import ConsumerError
from consumer.model.position import Partition

#: Entries that are counted in a turn at most, which takes some 40 ms.
_COUNTED_A_TURN = 20_000

#: Seconds until the group is put in its place again though nothing moved: somebody may have deleted it,
#: or a worker that did not know yet that it had lost a partition may have moved it.
_AGAIN = 10.0

#: Seconds that a failure is left alone.
_AFTER_FAILURE = 5.0


class Mirroring:
    """One worker's side of the group. Nothing is ever read from it but its own count."""

    def __init__(
        self, client: Client, group: str, *, unmirrored: Callable[[Exception], None]
    ) -> None:
        self._client = client
        self._group = group
        #: Told what fails.
        self._unmirrored = unmirrored
        self._not_before = 0.0
        self._all_again = 0.0

    def look_after(self, tallies: Mapping[Partition, Tally]) -> None:
        """Shows what moved; never raises. To be called when the server has just answered."""
        now = monotonic()
        if now < self._not_before:
            return
        if now >= self._all_again:
            self._all_again = now + _AGAIN
        else:
            tallies = {partition: each for partition, each in tallies.items() if each.is_due}
        self.show(tallies)

    def show(self, tallies: Mapping[Partition, Tally]) -> None:
        """Shows these at once, in one try; never raises."""
        try:
            show(self._client, self._group, tallies, counted_at_most=_COUNTED_A_TURN)
        except ConsumerError as cause:
            self._not_before = monotonic() + _AFTER_FAILURE
            self._unmirrored(cause)


def show(
    client: Client, group: str, tallies: Mapping[Partition, Tally], *, counted_at_most: int
) -> None:
    """Puts the group where the tallies are, except where others read in it.

    May raise `Transient`, and `Misconfigured` for an ACL, and once all is done for a group of others.
    """
    if not tallies:
        return
    found = extents(client, {partition: tally.offset for partition, tally in tallies.items()})
    for partition, extent in found.items():
        if extent is not None:
            tallies[partition].saw(extent, group)
    uncounted = {p: tally.counting for p, tally in tallies.items() if tally.counting is not None}
    count(client, uncounted, at_most=counted_at_most)
    for partition in uncounted:
        tallies[partition].counted()
    places = {p: tally.place for p, tally in tallies.items() if found[p] is not None}
    others = put(client, group, places)
    for partition, tally in tallies.items():
        if partition not in others:
            tally.shown = tally.place
    if others:
        raise taken(group, others)
