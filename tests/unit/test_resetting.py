"""A reset of offsets: the plan, the deed, and what is left where it is cut short."""

from __future__ import annotations

import itertools
from collections.abc import Collection
from typing import Any

import pytest

from consumer.adapters.memory.audit import MemoryAudit
from consumer.adapters.memory.offset_store import MemoryOffsetStore
from consumer.adapters.memory.presence import MemoryPresence
from consumer.engine.awaiting import Loop
from consumer.engine.plan import Fate, Plan
from consumer.engine.planning import planned
from consumer.engine.resetting import Outcome, carried_out
from consumer.engine.rows import EmptiedByProjector
from consumer.engine.standing import booked, viewed
from consumer.engine.targets import Target
from consumer.errors import Fenced, Misconfigured, NewerRecord, Transient
from consumer.model.condition import Condition
from consumer.model.position import Claim, IntOffset, LogIdentity, Partition
from consumer.model.start import BEGINNING, Start
from tests.unit.listed_log import ListedLog, counted

PARTITIONS = [Partition("orders", number) for number in range(3)]
ZERO, ONE, TWO = PARTITIONS
LOG = LogIdentity("log", 3)
END = Start("end")
ANN, BOB = "ann@here:1", "bob@there:2"


class Room:
    """A projection that has come as far as 3 in two of three partitions, and nobody works on it."""

    def __init__(self, offsets: MemoryOffsetStore | None = None) -> None:
        self.offsets = offsets or MemoryOffsetStore()
        self.presence = MemoryPresence()
        self.audit = MemoryAudit()
        self.log = ListedLog({each: counted(10) for each in PARTITIONS})
        for partition in (ZERO, ONE):
            self.offsets.release(self.worked(partition, 3))

    def worked(self, partition: Partition, at: int, *, owner: str = "worker") -> Claim:
        claim = self.offsets.claim("shop", partition, owner=owner, log=LOG)
        self.offsets.commit(claim, claim.offset, IntOffset(at))
        return claim

    def plan(self, target: Target = BEGINNING, only: Collection[Partition] = ()) -> Plan:
        book = booked("shop", self.offsets, self.presence)
        return planned(book, viewed(self.log), self.log, target, words="--to", only=only)

    def do(self, plan: Plan, offsets: Any = None, *, by: str = ANN) -> Outcome:
        return carried_out(plan, offsets or self.offsets, self.presence, self.audit, by=by)

    def reset(self, target: Target = BEGINNING, only: Collection[Partition] = ()) -> Outcome:
        return self.do(self.plan(target, only))

    def at(self, partition: Partition) -> int | None:
        found = self.offsets.get("shop", partition)
        offset = None if found is None else found.offset
        assert offset is None or isinstance(offset, IntOffset)
        return None if offset is None else offset.value


class Damaged(MemoryOffsetStore):
    """A store of which nobody can read one record."""

    damaged: Partition | None = None

    def get(self, projection: str, partition: Partition) -> Any:
        self._check(partition)
        return super().get(projection, partition)

    def claim(self, projection: str, partition: Partition, **given: Any) -> Claim:
        self._check(partition)
        return super().claim(projection, partition, **given)

    def _check(self, partition: Partition) -> None:
        if partition == self.damaged:
            raise Misconfigured("the checkpoint is damaged")


@pytest.fixture
def room() -> Room:
    return Room()


# --- the plan ---


def test_a_plan_tells_how_much_is_read_again_or_passed_over_and_changes_nothing(room: Room) -> None:
    back, on = room.plan(IntOffset(1)), room.plan(END)

    first = back.moves[0]
    assert (first.before, first.after) == (IntOffset(3), IntOffset(0))
    assert (first.read_again, first.passed_over, first.left_after) == (3, 0, 9)
    assert [(each.read_again, each.passed_over) for each in on.moves] == [
        (0, 6),
        (0, 6),
        (None,) * 2,
    ]
    assert [room.at(each) for each in PARTITIONS] == [3, 3, None]
    assert room.audit.records("shop") == []


def test_of_another_log_nobody_can_tell_what_is_read_again(room: Room) -> None:
    room.log.id = "younger"

    move = room.plan().moves[0]

    assert (move.read_again, move.passed_over, move.left_after) == (None, None, 10)
    assert move.log == LogIdentity("younger", 3)


def test_a_partition_that_is_not_read_is_refused_with_those_that_are(room: Room) -> None:
    with pytest.raises(Misconfigured) as refused:
        room.plan(only=[ZERO, Partition("orders", 7), Partition("returns", 0)])

    assert str(refused.value).splitlines() == [
        "orders/7 is not read: there are orders/0 to orders/2",
        "returns/0 is not read: there are orders/0 to orders/2",
    ]


def test_all_partitions_that_do_not_hold_the_target_are_told_at_once(room: Room) -> None:
    room.log.kept[ONE] = counted(100)

    with pytest.raises(Misconfigured) as refused:
        room.plan(IntOffset(50))

    assert [line.split(":")[0] for line in str(refused.value).splitlines()] == [
        "50 is not in orders/0",
        "50 is not in orders/2",
    ]


def test_what_a_newer_release_wrote_is_not_planned_over(room: Room) -> None:
    def newer(projection: str, partition: Partition) -> None:
        raise NewerRecord("a newer release wrote it")

    room.offsets.get = newer  # type: ignore[method-assign]

    with pytest.raises(NewerRecord):
        room.plan()


def test_a_plan_names_the_workers_that_live_and_what_they_hold(room: Room) -> None:
    room.worked(ZERO, 4, owner="alive")
    room.worked(ONE, 4, owner="dead")
    room.presence.extend("alive", 60)

    assert room.plan().living == {"alive": [ZERO]}


# --- the deed ---


def test_every_partition_moves_also_one_that_never_ran(room: Room) -> None:
    assert room.reset(IntOffset(2)) == Outcome()

    assert [room.at(each) for each in PARTITIONS] == [1, 1, 1]
    found = [room.offsets.get("shop", each) for each in PARTITIONS]
    assert [(each.owner, each.log) for each in found if each] == [("", LOG)] * 3


def test_the_reset_is_recorded_before_anything_moves(room: Room) -> None:
    class Unrecorded(MemoryAudit):
        def record(self, reset: object) -> None:
            raise Transient("Redis is away")

    room.offsets.note(room.worked(ONE, 3), Condition("halted", "Undecodable"))
    plan, room.audit = room.plan(), Unrecorded()

    with pytest.raises(Transient):
        room.do(plan)

    assert [room.at(each) for each in PARTITIONS] == [3, 3, None]
    found = [room.offsets.get("shop", each) for each in (ZERO, ONE)]
    assert [each.condition.state for each in found if each] == ["running", "halted"]
    assert {each.owner for each in found if each} == {""}


def test_the_record_tells_who_did_what(room: Room) -> None:
    room.reset(END, [ONE])

    (record,) = room.audit.records("shop")
    assert (record.projection, record.by, record.to) == ("shop", "ann@here:1", "--to")
    assert record.at.tzinfo is not None
    (move,) = record.moves
    assert (move.partition, move.before, move.after) == (ONE, IntOffset(3), IntOffset(9))


def test_the_other_partitions_stay_where_they_are_in_nobodys_hands(room: Room) -> None:
    assert room.reset(END, [ONE]) == Outcome()

    assert [room.at(each) for each in PARTITIONS] == [3, 9, None]
    zero = room.offsets.get("shop", ZERO)
    assert zero is not None
    assert zero.owner == ""


def test_what_another_partition_halted_for_is_not_forgotten(room: Room) -> None:
    claim = room.worked(ZERO, 4)
    room.offsets.note(claim, Condition("halted", "Undecodable"))

    room.reset(END, [ONE])

    zero = room.offsets.get("shop", ZERO)
    assert zero is not None
    assert (zero.condition.state, zero.condition.reason, zero.owner) == (
        "halted",
        "Undecodable",
        "",
    )


def test_a_moved_partition_runs_again_whatever_it_halted_for(room: Room) -> None:
    claim = room.worked(ZERO, 4)
    room.offsets.note(claim, Condition("halted", "OffsetLost"))

    room.reset()

    zero = room.offsets.get("shop", ZERO)
    assert zero is not None
    assert (zero.condition.state, room.at(ZERO)) == ("running", -1)


def test_who_held_a_partition_moved_or_not_is_fenced(room: Room) -> None:
    claims = [room.worked(each, 4) for each in (ZERO, ONE)]

    room.reset(only=[ONE])

    for claim in claims:
        with pytest.raises(Fenced):
            room.offsets.commit(claim, IntOffset(4), IntOffset(5))


def test_a_reset_of_another_logs_checkpoints_is_the_way_out_of_another_log(room: Room) -> None:
    room.log.id = "younger"
    room.log.kept[Partition("orders", 3)] = counted(10)

    room.reset()

    found = room.offsets.get("shop", ZERO)
    assert found is not None
    assert (found.offset, found.log) == (IntOffset(-1), LogIdentity("younger", 4))


def test_a_topic_that_grew_still_knows_its_new_partitions_by_the_old_number(room: Room) -> None:
    added = Partition("orders", 3)
    room.log.kept[added] = counted(10)

    room.reset(END, [ZERO])

    zero = room.offsets.get("shop", ZERO)
    assert zero is not None
    assert added.number >= zero.log.partitions, "it would begin where `start` says, not at 0"


@pytest.mark.parametrize("damaged", PARTITIONS)
def test_a_damaged_record_does_not_hide_how_many_partitions_there_were(damaged: Partition) -> None:
    room = Room(store := Damaged())
    room.worked(TWO, 3)
    added = Partition("orders", 3)
    room.log.kept[added] = counted(10)
    store.damaged = damaged

    room.reset(END)

    store.damaged = None
    found = [room.offsets.get("shop", each) for each in (*PARTITIONS, added)]
    assert [each.log.partitions for each in found if each] == [3] * 4


def test_a_checkpoint_that_was_reset_since_it_was_planned_moves_too(room: Room) -> None:
    plan = room.plan(END)
    room.offsets.reset("shop")

    assert room.do(plan) == Outcome()
    assert [room.at(each) for each in PARTITIONS] == [9, 9, 9]


def test_a_damaged_checkpoint_can_be_moved() -> None:
    room = Room(store := Damaged())
    store.damaged = ZERO

    room.reset(END)

    store.damaged = None
    assert [room.at(each) for each in PARTITIONS] == [9, 9, 9]


# --- workers that come meanwhile ---


class Interrupted:
    """A store with something in the way of its nth call that changes anything."""

    def __init__(self, store: MemoryOffsetStore, at: int, deed: Any) -> None:
        self._store = store
        self._left = at
        self._deed = deed

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if name not in {"claim", "move", "note", "release"}:
            return found

        def called(*args: Any, **kwargs: Any) -> Any:
            self._left -= 1
            if self._left < 0:
                self._deed()
            return found(*args, **kwargs)

        return called


def test_a_worker_that_came_before_the_claims_stops_the_reset_and_keeps_what_it_holds(
    room: Room,
) -> None:
    plan = room.plan()
    room.presence.extend("new", 60)
    claim = room.worked(ZERO, 4, owner="new")

    assert room.do(plan) == Outcome(came=frozenset({"new"}))
    assert room.plan().living == {"new": [ZERO]}
    assert room.reset() == Outcome(came=frozenset({"new"})), "the same words again"

    room.offsets.commit(claim, IntOffset(4), IntOffset(5))
    assert [room.at(each) for each in PARTITIONS] == [5, 3, None]
    assert room.audit.records("shop") == []


def test_a_worker_that_came_behind_the_claims_stops_the_reset(room: Room) -> None:
    def come() -> None:
        room.presence.extend("new", 60)
        room.offsets.claim("shop", TWO, owner="new", log=LOG)

    plan = room.plan()

    assert room.do(plan, Interrupted(room.offsets, 1, come)).came == {"new"}
    assert [room.at(each) for each in (ZERO, ONE)] == [3, 3]
    assert room.audit.records("shop") == [], "nothing was moved"


def test_a_worker_that_claims_between_the_last_look_and_the_move_is_fenced(room: Room) -> None:
    claims: list[Claim] = []

    def come() -> None:
        if not claims:
            room.presence.extend("late", 60)
            claims.append(room.offsets.claim("shop", ZERO, owner="late", log=LOG))

    plan = room.plan(END)
    assert room.do(plan, Interrupted(room.offsets, 3, come)) == Outcome(late=frozenset({"late"}))

    assert room.at(ZERO) == 9
    with pytest.raises(Fenced):
        room.offsets.commit(claims[0], claims[0].offset, IntOffset(4))


def test_the_record_tells_from_where_it_moved_also_what_went_on_since_it_was_planned(
    room: Room,
) -> None:
    plan = room.plan(END)
    room.offsets.release(room.worked(ZERO, 7))

    assert room.do(plan) == Outcome()

    (record,) = room.audit.records("shop")
    assert [move.before for move in record.moves] == [IntOffset(7), IntOffset(3), None]


# --- two at once ---


@pytest.mark.parametrize("step", range(6))  # three claims, three moves
@pytest.mark.parametrize("has_run", [True, False])
def test_of_two_resets_at_once_one_is_refused_whole(step: int, has_run: bool) -> None:
    room = Room()
    if not has_run:
        room.offsets = MemoryOffsetStore()
    to_earliest, to_latest = room.plan(BEGINNING), room.plan(END)
    outcomes: list[Outcome] = []

    def other() -> None:
        if not outcomes:
            outcomes.append(room.do(to_latest, by=BOB))

    outcome = room.do(to_earliest, Interrupted(room.offsets, step, other))

    refused = [each.came for each in (outcome, *outcomes)]
    # Before the first claim the other one is over by then, as if it had been typed before.
    expected = [frozenset()] * 2 if step == 0 else [frozenset(), frozenset({ANN})]
    assert refused == expected
    assert [room.at(each) for each in PARTITIONS] == [-1, -1, -1]
    assert len(room.audit.records("shop")) == refused.count(frozenset())


def test_a_reset_that_ended_or_failed_is_in_nobodys_way(room: Room) -> None:
    class Unrecorded(MemoryAudit):
        def record(self, reset: object) -> None:
            raise Transient("Redis is away")

    audit, room.audit = room.audit, Unrecorded()
    with pytest.raises(Transient):
        room.reset()
    room.audit = audit

    assert room.do(room.plan(), by=BOB) == Outcome()
    assert room.do(room.plan(END)) == Outcome()
    assert room.presence.present({ANN, BOB}) == frozenset()


def test_without_a_sign_of_life_nothing_is_claimed(room: Room) -> None:
    def away(owner: str, seconds: float) -> None:
        raise Transient("Redis is away")

    plan = room.plan()
    room.presence.extend = away  # type: ignore[method-assign]
    before = [room.offsets.get("shop", each) for each in PARTITIONS]

    with pytest.raises(Transient):
        room.do(plan)

    assert [room.offsets.get("shop", each) for each in PARTITIONS] == before


class Killed(BaseException):
    """The process is gone."""


def _killed() -> None:
    raise Killed


@pytest.mark.parametrize("only", [[], [ONE]])
def test_killed_at_any_step_the_same_words_end_it_right(only: list[Partition]) -> None:
    for step in itertools.count():
        room = Room()
        room.offsets.note(room.worked(ZERO, 3), Condition("halted", "why"))
        try:
            room.do(room.plan(END, only), Interrupted(room.offsets, step, _killed))
        except Killed:
            assert room.reset(END, only) == Outcome()
            before = [move.before for move in room.audit.records("shop")[0].moves]
            assert before[-1] in (IntOffset(3), None), "what moved first is on record"
        else:
            break
        wanted = [3, 9, None] if only else [9, 9, 9]
        assert [room.at(each) for each in PARTITIONS] == wanted, f"killed at step {step}"
        assert {each.owner for p in PARTITIONS if (each := room.offsets.get("shop", p))} == {""}
    assert step > 4


def test_a_kill_forgets_at_most_what_one_partition_halted_for() -> None:
    for step in itertools.count():
        room = Room()
        for partition in (ZERO, ONE):
            claim = room.worked(partition, 3)
            room.offsets.note(claim, Condition("halted", "why"))
        try:
            # Nothing is given back by a process that is gone.
            room.do(room.plan(END, [TWO]), Interrupted(room.offsets, step, _killed))
        except Killed:
            found = [room.offsets.get("shop", each) for each in (ZERO, ONE)]
            assert [each.condition.state for each in found if each].count("halted") >= 1
        else:
            break
    assert step > 4


# --- a projector that empties its read model ---


class Emptied:
    """A projector that writes by itself, and tells what it was asked to do."""

    name = "shop"
    handles = None

    def __init__(self, *raises: Exception) -> None:
        self.calls: list[str] = []
        self.raises = list(raises)

    def apply(self, batch: object) -> None: ...

    def setup(self) -> None:
        self.calls.append("setup")

    def reset(self) -> None:
        self.calls.append("reset")
        if self.raises:
            raise self.raises.pop()


class EmptiedSlowly(Emptied):
    async def setup(self) -> None:  # type: ignore[override]  # every method may be a coroutine
        self.calls.append("setup")

    async def reset(self) -> None:  # type: ignore[override]
        self.calls.append("reset")


def emptied(
    room: Room, projector: Emptied, target: Target = BEGINNING, only: Collection[Partition] = ()
) -> Fate:
    """What became of the read model."""
    loop = Loop()
    rows = EmptiedByProjector(projector, loop)
    book = booked("shop", room.offsets, room.presence)
    plan = planned(book, viewed(room.log), room.log, target, words="--to", only=only, rows=rows)
    try:
        carried_out(plan, room.offsets, room.presence, room.audit, by=ANN, rows=rows)
    finally:
        loop.close()
    return plan.fate


@pytest.mark.parametrize("kind", [Emptied, EmptiedSlowly])
def test_a_projector_that_can_empties_its_read_model_before_all_is_read_again(
    room: Room, kind: type[Emptied]
) -> None:
    projector = kind()

    assert emptied(room, projector) is Fate.EMPTIED

    assert projector.calls == ["setup", "reset"]
    assert [room.at(each) for each in PARTITIONS] == [-1, -1, -1]


def test_of_another_log_it_is_emptied_too(room: Room) -> None:
    room.log.id = "younger"

    assert emptied(room, Emptied()) is Fate.EMPTIED


@pytest.mark.parametrize(
    ("target", "only"), [(BEGINNING, [ZERO]), (END, []), (IntOffset(2), []), (IntOffset(0), [])]
)
def test_it_is_not_emptied_where_not_all_is_read_again(
    room: Room, target: Target, only: list[Partition]
) -> None:
    projector = Emptied()

    assert emptied(room, projector, target, only) is Fate.UNTOUCHED
    assert projector.calls == []


def test_it_is_not_emptied_where_nothing_is_read_again(room: Room) -> None:
    room.log.first = 1
    for partition in PARTITIONS:
        room.log.kept[partition] = counted(10, first=6)

    assert emptied(room, Emptied()) is Fate.UNTOUCHED


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (Transient("the database is away"), "the database is away"),
        (KeyError("secret"), "shop: Emptied.reset raised KeyError, so no checkpoint was moved"),
    ],
)
def test_a_read_model_that_cannot_be_emptied_leaves_the_checkpoints(
    room: Room, raised: Exception, told: str
) -> None:
    with pytest.raises((Transient, Misconfigured)) as failed:
        emptied(room, Emptied(raised))

    assert str(failed.value).startswith(told)
    assert "secret" not in str(failed.value)
    assert [room.at(each) for each in PARTITIONS] == [3, 3, None]
