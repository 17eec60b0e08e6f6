"""Moving a projection's checkpoints by hand: first a plan, which changes nothing; then the deed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime

import msgspec

from consumer.engine.attending import LEASE_SECONDS, Attending
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
        """Who lives and holds partitions of the projection, each with them: workers, or another reset."""
        held: dict[str, list[Partition]] = {}
        for partition, checkpoint in self.book.checkpoints.items():
            if checkpoint.owner in self.book.present:
                held.setdefault(checkpoint.owner, []).append(partition)
        return held

    def reset(self, by: str, befores: Mapping[Partition, Offset | None]) -> Reset:
        """The audit's record of it, done from where the checkpoints stand by then."""
        moves = tuple(
            Move(each.partition, befores.get(each.partition), each.after) for each in self.moves
        )
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
    _refuse_newer(book)
    afters = _aimed(view, log, target, only or view.ends.keys())
    befores = {each: at for each, at in book.offsets(view).items() if each in afters}
    left_before, left_after = log.lag(befores), log.lag(afters)
    moves = (
        Planned(
            partition,
            book.checkpoints.get(partition),
            after,
            _identity(view, book, partition),
            _events(left_before.get(partition)),
            _events(left_after.get(partition)),
        )
        for partition, after in sorted(afters.items())
    )
    return Plan(book.projection, words, tuple(moves), book)


class Outcome(msgspec.Struct, frozen=True):
    """What came of a plan."""

    #: Workers, or another reset, that came before anything moved; if there are any, nothing did.
    came: frozenset[str] = frozenset()
    #: Workers that came while it moved. Their claims are gone, which they notice within a lease.
    late: frozenset[str] = frozenset()


def carried_out(
    plan: Plan, offsets: OffsetStore, presence: Presence, audit: Audit, *, by: str
) -> Outcome:
    """Does what was planned, unless others came meanwhile: workers, or another reset.

    May be killed anywhere, and then be planned and carried out again, once `by` counts as living no more.
    Raises as the stores do.
    """
    presence.extend(
        by, LEASE_SECONDS
    )  # here it may fail, and another reset must see us by our claims
    with Attending(presence, by, lease_seconds=LEASE_SECONDS), ExitStack() as held:
        now = booked(plan.projection, offsets, presence)
        if came := now.present - {by}:
            return Outcome(came)  # and each keeps what it holds
        _refuse_newer(now)
        taken = dict(_taken(plan, now, offsets, by, held))
        if came := _others(plan, taken, offsets, presence, by):
            return Outcome(came)
        # Under our claims nothing moves on, so this is where the moves begin.
        audit.record(plan.reset(by, {each: taken[each].claim.offset for each in taken}))
        return Outcome(late=presence.present(_moved(plan, offsets) - {by, ""}))


class _Taken(msgspec.Struct, frozen=True):
    claim: Claim
    #: Who held the partition right before; "" if nobody did.
    former_owner: str


def _taken(
    plan: Plan, now: Book, offsets: OffsetStore, by: str, held: ExitStack
) -> Iterator[tuple[Partition, _Taken]]:
    """Takes every partition that has a checkpoint, moved or not, until `held` ends: who works on one is
    fenced from here on. Those that move are taken without a checkpoint too, so that two resets meet.
    """
    logs = {move.partition: move.log for move in plan.moves}
    for partition in sorted({*now.checkpoints, *logs} - now.unreadable.keys()):
        former = offsets.get(plan.projection, partition)
        # Under the checkpoint's own log, for a claim moves nothing; a worker would be refused.
        log = logs.get(partition) if former is None else former.log
        if log is None:
            continue  # it was forgotten meanwhile
        claim = offsets.claim(plan.projection, partition, owner=by, log=log)
        held.callback(offsets.release, claim)
        if former is not None and former.condition.state != "running":
            offsets.note(claim, former.condition)  # which the claim ended
        yield partition, _Taken(claim, former.owner if former is not None else "")


def _others(
    plan: Plan,
    taken: Mapping[Partition, _Taken],
    offsets: OffsetStore,
    presence: Presence,
    by: str,
) -> frozenset[str]:
    """Who lives of those who held partitions when we took them, or hold one now."""
    formers = {each.former_owner for each in taken.values()} - {""}
    living = booked(plan.projection, offsets, presence).present | presence.present(formers)
    return living - {by}


def _moved(plan: Plan, offsets: OffsetStore) -> frozenset[str]:
    """Who held what was moved, right before."""
    formers = [
        offsets.move(plan.projection, move.partition, move.after, log=move.log)
        for move in plan.moves
    ]
    return frozenset(former.owner for former in formers if former is not None)


def _refuse_newer(book: Book) -> None:
    for cause in book.unreadable.values():
        if isinstance(cause, NewerRecord):
            raise cause


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


def _identity(view: View, book: Book, partition: Partition) -> LogIdentity:
    """The log's; with as many partitions as the topic had when the projection first ran, where any record
    of the same log tells: by that number those are known that were added since, which are read from their
    beginning.
    """
    here = view.identities[partition.topic]
    known = [
        checkpoint.log
        for each, checkpoint in book.checkpoints.items()
        if each.topic == partition.topic and view.is_of(checkpoint)
    ]
    ids = [log.id for log in known if log.id]
    return LogIdentity(
        here.id or next(iter(ids), ""),
        min((log.partitions for log in known), default=here.partitions),
    )


def _listed(partitions: Collection[Partition]) -> str:
    topics: dict[str, list[int]] = {}
    for partition in partitions:
        topics.setdefault(partition.topic, []).append(partition.number)
    return ", ".join(f"{topic}/0 to {topic}/{max(them)}" for topic, them in sorted(topics.items()))


def _events(lag: Lag | None) -> int | None:
    return None if lag is None else lag.events
