"""From events to a committed checkpoint, and what happens to those that fail."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence

from consumer.engine.assignments import Assignments
from consumer.engine.decoding import Decoding
from consumer.engine.retrying import Backoff
from consumer.engine.settling import Settling
from consumer.engine.work import Work
from consumer.errors import Fenced, Misconfigured, OffsetLost, SourceFailed, Transient
from consumer.model.causes import told
from consumer.model.condition import Condition
from consumer.model.facts import Applied, Dropped, Resumed, Waiting
from consumer.model.operations import ErrorType
from consumer.model.position import Offset, Partition
from consumer.model.record import Fetched, Record
from consumer.ports.observer import Observer


class Applying:
    """Projects what comes in; what fails waits with its partition, and the others go on.

    Only `Fenced`, `SourceFailed` and `Misconfigured` leave it: they end the membership.
    """

    def __init__(
        self,
        assignments: Assignments,
        decoding: Decoding,
        settling: Settling,
        *,
        owns: Callable[[Partition], bool],
        mirror: Callable[[Partition, Offset], None],
        backoff: Backoff,
        observer: Observer,
    ) -> None:
        self._assignments = assignments
        self._decoding = decoding
        self._settling = settling
        #: `Source.owns`: whether an apply may start now.
        self._owns = owns
        #: `Source.mirror`: the checkpoint moved.
        self._mirror = mirror
        self._backoff = backoff
        self._observer = observer
        #: When to try again, by `time.monotonic`, and what.
        self._waiting: dict[Partition, tuple[float, Work]] = {}

    def project(self, fetched: Fetched) -> None:
        """Takes what a poll brought of a partition as far as it goes."""
        holding = self._assignments.holding(fetched.claim)
        if holding is None:
            self._drop(fetched.claim.partition, len(fetched.records))
            return
        if holding.partition in self._waiting:
            raise SourceFailed(f"the source read on in {holding.partition} while it was paused")
        if fetched.through > holding.offset:
            unseen = _behind(holding.offset, fetched.records)
            self._attempt(Work.undecoded(holding, unseen, through=fetched.through))

    def retry(self) -> None:
        """Tries again what waits and is due: one partition a call, so that polling goes on between."""
        self._assignments.note_again()
        self._drop_stale()
        now = time.monotonic()
        for partition, (due, work) in self._waiting.items():
            if due <= now:
                del self._waiting[partition]
                self._attempt(work)
                return

    def paused(self) -> Collection[Partition]:
        """The partitions that must not be read on for now."""
        return self._waiting.keys() | self._assignments.halted.keys()

    def wait(self, longest: float) -> float:
        """Seconds until the next retry is due, `longest` at most."""
        if not self._waiting:
            return longest
        due = min(due for due, _ in self._waiting.values())
        return max(0.0, min(longest, due - time.monotonic()))

    def _attempt(self, work: Work) -> None:
        began = time.monotonic()
        before = work.holding.offset
        work.at = ErrorType.LOAD  # until the events are given to the projector
        try:
            work.decode(self._decoding.decode)
            began = time.monotonic()
            is_settled = self._settle(work)
        except Fenced:
            self._assignments.lost([work.holding.partition])
            raise
        except (Misconfigured, SourceFailed):
            raise
        except OffsetLost as cause:
            self._assignments.halt(work.holding.partition, cause)
        except Exception as cause:  # whatever a projector raises waits with its partition
            self._wait_for(work, cause, time.monotonic() - began)
        else:
            if is_settled:
                self._settled(work, before, time.monotonic() - began)
            else:  # one event less: the rest is attempted in the next turn, after a poll
                self._waiting[work.holding.partition] = (began, work)

    def _settle(self, work: Work) -> bool:
        if not self._owns(work.holding.partition):
            # Dropping the work would leave a hole if the lease were extended after all.
            raise Transient(
                "the lease is past its deadline: nothing is applied until it is extended"
            )
        return self._settling.attempt(work)

    def _settled(self, work: Work, before: Offset, seconds: float) -> None:
        partition, epoch = work.holding.partition, work.holding.claim.epoch
        if work.through > before:
            self._mirror(partition, work.through)
            self._observer.happened(
                Applied(
                    partition,
                    epoch,
                    work.counted,
                    work.records,
                    work.through,
                    seconds,
                    work.apply_seconds,
                    work.commit_seconds,
                )
            )
        if work.failures:
            self._observer.happened(Resumed(partition, epoch, work.failures + 1))
        if work.poison is not None:
            self._assignments.halt(partition, work.poison)
        elif work.rest is not None:
            self._wait_for(*work.rest, 0.0)

    def _wait_for(self, work: Work, cause: Exception, seconds: float) -> None:
        work.failures += 1
        delay = self._backoff.delay(work.failures)
        partition, epoch = work.holding.partition, work.holding.claim.epoch
        self._waiting[partition] = (time.monotonic() + delay, work)
        if work.at is not ErrorType.OFFSET:  # that the store is away, it cannot be told
            self._assignments.note(work.holding, Condition("waiting", told(cause)))
        self._observer.happened(
            Waiting(
                partition,
                epoch,
                work.holding.offset,
                work.failures,
                delay,
                cause,
                work.at,
                seconds,
            )
        )

    def _drop_stale(self) -> None:
        for partition, (_, work) in list(self._waiting.items()):
            if self._assignments.holding(work.holding.claim) is None:
                del self._waiting[partition]
                self._drop(partition, work.records)

    def _drop(self, partition: Partition, records: int) -> None:
        if records:
            self._observer.happened(Dropped(partition, records))


def _behind(offset: Offset, records: Sequence[Record]) -> Sequence[Record]:
    if records and records[0].offset <= offset:
        return [record for record in records if record.offset > offset]
    return records
