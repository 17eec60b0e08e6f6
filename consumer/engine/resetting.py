"""Moving a projection's checkpoints by hand, as planned; `planning` makes the plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack

import msgspec

from consumer.engine.attending import LEASE_SECONDS, Attending
from consumer.engine.plan import Plan
from consumer.engine.planning import refuse_newer
from consumer.engine.rows import UNTOUCHED, Rows
from consumer.engine.standing import Book, booked
from consumer.errors import Fenced
from consumer.model.position import Claim, Partition
from consumer.ports.audit import Audit
from consumer.ports.offset_store import OffsetStore
from consumer.ports.presence import Presence


class Outcome(msgspec.Struct, frozen=True):
    """What came of a plan."""

    #: Workers, or another reset, that came before anything moved; if there are any, nothing did.
    came: frozenset[str] = frozenset()
    #: Workers that came while it moved. Their claims are gone, which they notice within a lease.
    late: frozenset[str] = frozenset()


def carried_out(
    plan: Plan,
    offsets: OffsetStore,
    presence: Presence,
    audit: Audit,
    *,
    by: str,
    rows: Rows = UNTOUCHED,
) -> Outcome:
    """Does what was planned, unless others came meanwhile: workers, or another reset.

    May be killed anywhere, and then be planned and carried out again, once `by` counts as living no more.
    Raises as the stores and `Rows` do.
    """
    rows.prepare(plan)
    presence.extend(
        by, LEASE_SECONDS
    )  # here it may fail, and another reset must see us by our claims
    with Attending(presence, by, lease_seconds=LEASE_SECONDS), ExitStack() as held:
        now = booked(plan.projection, offsets, presence)
        if came := now.present - {by}:
            return Outcome(came)  # and each keeps what it holds
        refuse_newer(now)
        taken = dict(_taken(plan, now, offsets, rows, by, held))
        if came := _others(plan, taken, offsets, presence, by):
            return Outcome(came)
        claims = {partition: each.claim for partition, each in taken.items()}
        try:
            befores = rows.taken(plan, claims)
            # Under our claims nothing moves on, so this is where the moves begin.
            audit.record(plan.reset(by, befores))
            rows.moved(plan, claims)
        except Fenced:  # by a worker that claimed after we did, and no row was written
            if came := _others(plan, {}, offsets, presence, by):
                return Outcome(came)
            raise
        return Outcome(late=presence.present(_moved(plan, offsets) - {by, ""}))


class _Taken(msgspec.Struct, frozen=True):
    claim: Claim
    #: Who held the partition right before; "" if nobody did.
    former_owner: str


def _taken(
    plan: Plan, now: Book, offsets: OffsetStore, rows: Rows, by: str, held: ExitStack
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
        floor = rows.floor(partition)
        claim = offsets.claim(plan.projection, partition, owner=by, log=log, floor=floor)
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
