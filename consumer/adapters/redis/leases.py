"""What a worker owns of a topic's streams, and until when, in the manner of the Kinesis client library.

A lease says who should claim a stream. Whether anything may be applied is decided by the claim alone.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from contextlib import suppress
from time import monotonic

import msgspec

from consumer.adapters.redis.lease_table import LeaseTable
from consumer.adapters.redis.shares import Sightings, Table, free, share, surplus
from consumer.errors import ConsumerError


class Turn(msgspec.Struct, frozen=True):
    """What a look at the table asks of a worker."""

    #: Streams that are somebody else's already.
    lost: Collection[int]
    #: Streams to give up, so that others have their share.
    surplus: Sequence[int]
    #: How many streams the worker is short of its share, and among which it may choose.
    wanted: int
    free: Sequence[int]
    #: Until when a lease taken now would last.
    deadline: float


class Leases:
    """One worker's leases on the streams of one topic.

    A deadline counts from before the extension was sent, on this machine's monotonic clock; others
    wait for one lease from when they saw the extension, so they never take what is still owned here.
    Only `beat` is called by another thread too.
    """

    def __init__(
        self, table: LeaseTable, *, streams: int, worker: str, lease_seconds: float
    ) -> None:
        self._table = table
        #: What a person calls them.
        self.name = table.name
        self._streams = streams
        self._worker = worker
        self._lease_seconds = lease_seconds
        self._lock = threading.Lock()
        self._sightings = Sightings(lease_seconds)
        #: Until when each stream is owned.
        self._deadlines: dict[int, float] = {}
        #: Until when the others take us for one of them.
        self._member_until = float("-inf")

    def owned(self) -> list[int]:
        """The streams whose leases have not run out, in order."""
        return sorted(stream for stream in list(self._deadlines) if self.owns(stream))

    def owns(self, stream: int) -> bool:
        """Whether the lease is ours and has not run out."""
        return monotonic() < self._deadlines.get(stream, float("-inf"))

    def is_member(self) -> bool:
        """Whether the table took a beat within one lease."""
        return monotonic() < self._member_until

    def beat(self) -> tuple[Table, float]:
        """Extends what this worker owns, and its membership; the table, and until when what is ours lasts.

        May raise `Transient`.
        """
        deadline = monotonic() + self._lease_seconds
        table = self._table.beat(self._worker)
        self._member_until = deadline
        with self._lock:
            self._sightings.saw(table, monotonic())
            for stream in table.owned_by(self._worker):
                if stream in self._deadlines:
                    self._deadlines[stream] = max(self._deadlines[stream], deadline)
        return table, deadline

    def expired(self) -> list[int]:
        """The streams whose leases ran out; they are not ours any more."""
        ran_out = [stream for stream in self._deadlines if not self.owns(stream)]
        self._forget(ran_out)
        return ran_out

    def look(self) -> Turn:
        """Beats, takes dead workers out of the table, and says what to do. May raise `Transient`."""
        table, deadline = self.beat()
        dead = self._sightings.dead()
        for worker, number in dead.items():
            self._table.remove(worker, number)
        table = table.without(dead)
        ours = table.owned_by(self._worker)
        lost = self._deadlines.keys() - set(ours)
        self._forget(lost)
        with self._lock:
            # What ran out while Redis was away, and nobody took, is ours again.
            self._deadlines |= {
                stream: deadline for stream in ours if stream not in self._deadlines
            }
        fair = share(self._worker, self._table.topic, table, self._streams)
        return Turn(
            lost=lost,
            surplus=surplus(self._worker, table, fair),
            wanted=max(0, fair - len(ours)),
            free=free(table, self._streams),
            deadline=deadline,
        )

    def release(self, streams: Collection[int]) -> None:
        """Gives these up. May raise `Transient`; they are not ours any more all the same."""
        self._forget(streams)
        self._table.release(self._worker, streams)

    def take(self, turn: Turn) -> None:
        """Takes what the worker is short of. May raise `Transient`."""
        if turn.wanted and turn.free:
            taken = self._table.take(self._worker, turn.wanted, turn.free)
            with self._lock:
                self._deadlines |= dict.fromkeys(taken, turn.deadline)

    def leave(self) -> None:
        """Gives everything up, at once for the others. May raise `Transient`."""
        self._forget(list(self._deadlines))
        self._member_until = float("-inf")
        self._table.remove(self._worker)

    def _forget(self, streams: Collection[int]) -> None:
        with self._lock:
            for stream in streams:
                self._deadlines.pop(stream, None)


class Heartbeat:
    """A thread that extends leases however slow an apply is, on a connection of its own."""

    def __init__(self, leases: Sequence[Leases], every: float) -> None:
        self._leases = leases
        self._every = every
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Begins to beat."""
        self._thread.start()

    def stop(self) -> None:
        """Returns when the last beat is over."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(self._every):
            for leases in self._leases:
                if self._stopping.is_set():
                    return
                # The thread that polls meets the same error, and is the one to act on it.
                with suppress(ConsumerError):
                    leases.beat()
