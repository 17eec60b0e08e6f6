"""Moving a projection's checkpoints by hand: first a plan, which changes nothing; then the deed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime

import msgspec

from consumer.engine.standing import Book, View, booked
from consumer.engine.targets import Target, aimed
from consumer.errors import Misconfigured, NewerRecord
from consumer.model.lag import Lag
from consumer.model.position import Checkpoint, Claim, LogIdentity, Offset, Partition
from consumer.model.reset import Move, Reset
from consumer.ports.audit import Audit
from consumer.ports.event_log import EventLog
from consumer.ports.offset_store import OffsetStore
from consumer.ports.presence import Presence


class Planned(msgspec.Struct, frozen=True):
    """A checkpoint that is to be moved."""

    partition: Partition
    #: None where there is none, or none that can be read.
    before: Checkpoint | None
    after: Offset
    log: LogIdentity
    #: Events behind each of the two, as the broker counts; None where it cannot tell.
    left_before: int | None
    left_after: int | None

    @property
    def offset_before(self) -> Offset | None:
        """Where the checkpoint stands now."""
        return None if self.before is None else self.before.offset

    @property
    def read_again(self) -> int | None:
        """How many events will be read a second time; None where that cannot be told."""
        if self.left_before is None or self.left_after is None:
            return None
        return max(0, self.left_after - self.left_before)

    @property
    def passed_over(self) -> int | None:
        """How many events will never be read; None where that cannot be told."""
        if self.left_before is None or self.left_after is None:
            return None
        return max(0, self.left_before - self.left_after)


class Plan(msgspec.Struct, frozen=True):
    """What a reset of a projection will do."""

    projection: str
    #: What was typed, as in `--to-earliest`.
    words: str
    moves: tuple[Planned, ...]
    #: What the offset store held when the plan was made.
    book: Book

    @property
    def living(self) -> Mapping[str, Collection[Partition]]:
        """The workers that hold partitions of the projection, each with them."""
        held: dict[str, list[Partition]] = {}
        for partition, checkpoint in self.book.checkpoints.items():
            if checkpoint.owner in self.book.present:
                held.setdefault(checkpoint.owner, []).append(partition)
        return held

    def reset(self, by: str) -> Reset:
        """The audit's record of it."""
        moves = tuple(Move(each.partition, each.offset_before, each.after) for each in self.moves)
        return Reset(self.projection, datetime.now(UTC), by, self.words, moves)


def planned(
    book: Book,
    view: View,
    log: EventLog,
    target: Target,
    *,
    words: str,
    only: Collection[Partition] = (),
) -> Plan:
    """The plan, for all partitions of the log or `only` some. Raises `Misconfigured` with all that is in
    the way, a line each, and what `EventLog` raises.
    """
    for cause in book.unreadable.values():
        if isinstance(cause, NewerRecord):
            raise cause
    afters = _aimed(view, log, target, only or view.ends.keys())
    befores = {each: at for each, at in book.offsets(view).items() if each in afters}
    left_before, left_after = log.lag(befores), log.lag(afters)
    moves = (
        Planned(
            partition,
            book.checkpoints.get(partition),
            after,
            _identity(view, partition, book.checkpoints.get(partition)),
            _events(left_before.get(partition)),
            _events(left_after.get(partition)),
        )
        for partition, after in sorted(afters.items())
    )
    return Plan(book.projection, words, tuple(moves), book)


class Outcome(msgspec.Struct, frozen=True):
    """What came of a plan."""

    #: Workers that came before anything moved; if there are any, nothing did.
    came: frozenset[str] = frozenset()
    #: Workers that came while it moved. They are fenced, which they notice at their next commit.
    late: frozenset[str] = frozenset()


def carried_out(
    plan: Plan, offsets: OffsetStore, presence: Presence, audit: Audit, *, by: str
) -> Outcome:
    """Does what was planned, unless workers came meanwhile.

    May be killed anywhere, and then be planned and carried out again. Raises as the stores do.
    """
    audit.record(plan.reset(by))
    claims = dict(_claimed(plan, offsets, by))
    now = booked(plan.projection, offsets, presence)
    came = now.present | presence.present({each.owner for each in claims.values()} - {by, ""})
    late = frozenset() if came else presence.present(_moved(plan, offsets) - {by, ""})
    for claim, former in claims.items():  # those of what was moved hold no longer
        if former.condition.state != "running":
            offsets.note(claim, former.condition)
        offsets.release(claim)
    return Outcome(came, late)


def _moved(plan: Plan, offsets: OffsetStore) -> frozenset[str]:
    """Who held what was moved, right before."""
    formers = [
        offsets.move(plan.projection, move.partition, move.after, log=move.log)
        for move in plan.moves
    ]
    return frozenset(former.owner for former in formers if former is not None)


def _claimed(plan: Plan, offsets: OffsetStore, by: str) -> Iterator[tuple[Claim, Checkpoint]]:
    """Takes every partition that has a checkpoint, moved or not: who works on one is fenced from here on.

    With it comes the checkpoint as it was right before.
    """
    for partition in plan.book.checkpoints:
        former = offsets.get(plan.projection, partition)
        if former is not None:
            # Under the checkpoint's own log, for a claim moves nothing; a worker would be refused.
            claim = offsets.claim(plan.projection, partition, owner=by, log=former.log)
            yield claim, former


def _aimed(
    view: View, log: EventLog, target: Target, partitions: Collection[Partition]
) -> dict[Partition, Offset]:
    found: dict[Partition, Offset] = {}
    problems: list[str] = []
    for partition in partitions:
        if partition not in view.ends:
            problems.append(f"{partition} is not read: there are {_listed(view.ends)}")
            continue
        try:
            found[partition] = aimed(log, partition, target, view.ends[partition])
        except Misconfigured as cause:
            problems.append(str(cause))
    if problems:
        raise Misconfigured("\n".join(problems))
    return found


def _identity(view: View, partition: Partition, former: Checkpoint | None) -> LogIdentity:
    """The log's; with as many partitions as the topic had when the projection first ran, where it is the
    same log: by that number those are known that were added since, which are read from their beginning.
    """
    here = view.identities[partition.topic]
    if former is None or not view.is_of(former):
        return here
    return LogIdentity(here.id or former.log.id, former.log.partitions)


def _listed(partitions: Collection[Partition]) -> str:
    topics: dict[str, list[int]] = {}
    for partition in partitions:
        topics.setdefault(partition.topic, []).append(partition.number)
    return ", ".join(f"{topic}/0 to {topic}/{max(them)}" for topic, them in sorted(topics.items()))


def _events(lag: Lag | None) -> int | None:
    return None if lag is None else lag.events
