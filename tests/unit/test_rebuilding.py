"""A reset of a projection whose rows are in a read model: no event counts twice, wherever it is cut short."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from consumer.adapters.memory.audit import MemoryAudit
from consumer.adapters.memory.offset_store import MemoryOffsetStore
from consumer.adapters.memory.presence import MemoryPresence
from consumer.adapters.memory.read_model import MemoryReadModel
from consumer.adapters.sqlite.read_model import SqliteReadModel
from consumer.engine.claiming import Claiming, Taken
from consumer.engine.guarding import Guarding, sequences_table
from consumer.engine.plan import Fate, Plan
from consumer.engine.planning import planned
from consumer.engine.rebuilding import InReadModel
from consumer.engine.resetting import Outcome, carried_out
from consumer.engine.standing import booked, viewed
from consumer.engine.targets import Target
from consumer.engine.transacting import Transacting
from consumer.errors import Fenced, Misconfigured, OffsetLost, SequenceGap, Transient
from consumer.model.event import Batch, Event
from consumer.model.position import IntOffset, LogIdentity, Offset, Partition
from consumer.model.seal import Seal
from consumer.model.start import BEGINNING, Start
from consumer.ports.read_model import ReadModel, Transaction
from tests.doubles import CHAINS, TOTALS, Chained
from tests.unit.listed_log import ListedLog, counted

PARTITIONS = [Partition("orders", number) for number in range(3)]
ZERO, ONE, TWO = PARTITIONS
LOG = LogIdentity("log", 3)
END = Start("end")
ALL = "0 1 2 3 4 5 6 7 8 9"

Open = Callable[[], ReadModel]


class Killed(BaseException):
    """The process is gone."""


class Death:
    """Comes at the nth step of a process, and lets none be made behind it."""

    def __init__(self, at: int) -> None:
        self.left = at

    def step(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Killed

    def of(self, store: Any) -> Any:
        """The store, in the hands of the process that dies: before a call that changes anything, or after it."""
        return _Mortal(store, self)


class _Mortal:
    _CALLS = frozenset({"claim", "move", "commit", "note", "release", "seal", "begin", "prepare"})
    _BLOCKS = frozenset({"transaction", "reset"})

    def __init__(self, store: Any, death: Death) -> None:
        self._store = store
        self._death = death

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)

        def called(*args: Any, **kwargs: Any) -> Any:
            self._death.step()
            returned = found(*args, **kwargs)
            self._death.step()
            return returned

        @contextmanager
        def block(*args: Any, **kwargs: Any) -> Iterator[Any]:
            self._death.step()
            with found(*args, **kwargs) as transaction:
                yield transaction
                self._death.step()
            self._death.step()

        return called if name in self._CALLS else block if name in self._BLOCKS else found


class Room:
    """A projection that has come as far as 3 in two of three partitions, and nobody works on it."""

    def __init__(self, opened: Open, *, guarded: bool = False) -> None:
        self.open = opened
        self.offsets = MemoryOffsetStore()
        self.read_model = opened()
        self.presence = MemoryPresence()
        self.audit = MemoryAudit()
        self.log = ListedLog({each: counted(10) for each in PARTITIONS})
        self.guarded = guarded
        self.work(ZERO, through=3)
        self.work(ONE, through=3)

    def inside(self, read_model: Any = None, projector: Chained | None = None) -> Transacting:
        guarding = Guarding("chained", gaps="halt") if self.guarded else None
        return Transacting(projector or Chained(), read_model or self.read_model, guarding)

    def claim(
        self,
        partition: Partition,
        inside: Transacting | None = None,
        *,
        offsets: Any = None,
        owner: str = "worker",
    ) -> Taken:
        claiming = Claiming("chained", offsets or self.offsets, inside or self.inside())
        log = LogIdentity(self.log.id, 3)
        return claiming.claim(
            partition, owner=owner, log=log, first=lambda: self.log.before(partition, BEGINNING)
        )

    def work(self, partition: Partition, *, through: int = 9, inside: Any = None) -> None:
        """As a worker does that was just started, and is stopped in good order."""
        inside = inside or self.inside()
        holding = self.claim(partition, inside).holding
        if holding.offset < IntOffset(through):
            inside.apply(self.batch(holding, through))
            holding.advance(IntOffset(through))
        self.offsets.release(holding.claim)

    def batch(self, holding: Any, through: int) -> Batch:
        fence = holding.fence(IntOffset(through))
        events = [
            Event(
                str(offset),
                "Counted",
                f"a{holding.partition.number}",
                holding.partition,
                offset,
                msgspec.Raw(str(offset).encode()),
                sequence=offset.value,
            )
            for offset in counted(10)
            if isinstance(offset, IntOffset)
            if holding.offset < offset <= fence.offset and offset in self.log.kept[fence.partition]
        ]
        return Batch(holding.partition, events, fence)

    def work_all(self) -> None:
        for partition in PARTITIONS:
            self.work(partition)

    def plan(
        self, target: Target = BEGINNING, only: Collection[Partition] = (), read_model: Any = None
    ) -> Plan:
        rows = InReadModel("chained", self.inside(read_model))
        book = booked("chained", self.offsets, self.presence)
        return planned(book, viewed(self.log), self.log, target, words="--to", only=only, rows=rows)

    def do(
        self, plan: Plan, offsets: Any = None, read_model: Any = None, *, by: str = "ann@here:1"
    ) -> Outcome:
        return carried_out(
            plan,
            offsets or self.offsets,
            self.presence,
            self.audit,
            by=by,
            rows=InReadModel("chained", self.inside(read_model)),
        )

    def reset(self, target: Target = BEGINNING, only: Collection[Partition] = ()) -> Outcome:
        return self.do(self.plan(target, only))

    # what is left

    def seal(self, partition: Partition) -> Seal:
        found = self.read_model.sealed("chained", partition)
        assert found is not None
        return found

    @property
    def places(self) -> list[int | None]:
        """The read model's offsets."""
        return [_value(self.read_model.sealed("chained", each)) for each in PARTITIONS]

    @property
    def checkpoints(self) -> list[int | None]:
        return [_value(self.offsets.get("chained", each)) for each in PARTITIONS]

    @property
    def chains(self) -> list[str | None]:
        found = self._loaded(CHAINS, [(str(each),) for each in PARTITIONS])
        return [found.get((str(each),), (None, None))[1] for each in PARTITIONS]

    @property
    def total(self) -> int:
        found = self._loaded(TOTALS, [("all",)])
        return int(found[("all",)][1]) if found else 0

    def _loaded(self, table: Any, keys: Sequence[Any]) -> dict[Any, Any]:
        found: dict[Any, Any] = {}

        def load(transaction: Transaction) -> None:
            found.update(transaction.load(table, keys))

        self.read_model.prepare([], load)
        return found


def _value(found: Any) -> int | None:
    offset: Offset | None = None if found is None else found.offset
    return offset.value if isinstance(offset, IntOffset) else None


class Opening:
    """Opens stores: each call a new one."""

    def __init__(self, folder: Path | None) -> None:
        #: None for those in memory.
        self._folder = folder
        self._made: list[ReadModel] = []
        self._number = 0

    def __call__(self) -> ReadModel:
        self._number += 1
        return self._opened()

    def again(self) -> ReadModel:
        """The last one, as another process opens it."""
        return self._opened() if self._folder else self._made[-1]

    def _opened(self) -> ReadModel:
        store: ReadModel = (
            SqliteReadModel(self._folder / f"{self._number}.sqlite")
            if self._folder
            else MemoryReadModel()
        )
        self._made.append(store)
        return store

    def close(self) -> None:
        for each in self._made:
            each.close()


@pytest.fixture(params=["memory", "sqlite"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opening]:
    opening = Opening(tmp_path if request.param == "sqlite" else None)
    yield opening
    opening.close()


@pytest.fixture
def room(opened: Opening) -> Room:
    return Room(opened)


# --- a rebuild ---


def test_a_rebuild_clears_rows_and_offsets_of_all_partitions(room: Room) -> None:
    before = room.seal(ZERO)
    assert room.plan().fate is Fate.CLEARED

    assert room.reset() == Outcome()

    assert (room.chains, room.total) == ([None] * 3, 0)
    assert room.places == room.checkpoints == [-1, -1, -1]
    checkpoint = room.offsets.get("chained", ZERO)
    assert checkpoint is not None
    assert room.seal(ZERO).epoch == checkpoint.epoch > before.epoch
    room.work_all()
    assert (room.chains, room.total) == ([ALL] * 3, 30)


def test_a_rebuild_begins_where_the_log_does(room: Room) -> None:
    room.log.first = 1
    for partition in PARTITIONS:
        room.log.kept[partition] = counted(10, first=2)

    plan = room.plan()
    room.do(plan)
    room.work_all()

    assert all(move.begins_late for move in plan.moves)
    assert room.chains == ["2 3 4 5 6 7 8 9"] * 3


def test_a_partition_whose_rest_was_lost_is_rebuilt_with_the_others(room: Room) -> None:
    room.log.first = 1
    room.log.kept[ZERO] = counted(10, first=6)
    room.log.kept[ONE] = counted(10, first=1)

    room.reset()
    room.work_all()

    assert room.chains == ["6 7 8 9", "1 2 3 4 5 6 7 8 9", ALL]


def test_where_the_log_begins_behind_all_places_a_rebuild_would_lose_the_rows_so_they_stay(
    room: Room,
) -> None:
    room.log.first = 1
    for partition in PARTITIONS:
        room.log.kept[partition] = counted(10, first=6)

    assert room.plan().fate is Fate.KEPT
    room.reset()
    room.work_all()

    assert room.chains == ["0 1 2 3 6 7 8 9", "0 1 2 3 6 7 8 9", "6 7 8 9"]


def test_what_the_projection_no_longer_reads_begins_anew_should_it_come_back(room: Room) -> None:
    gone = room.log.kept.pop(ONE)

    plan = room.plan()
    room.do(plan)

    assert [(move.partition, move.before, move.after) for move in plan.moves][1] == (
        ONE,
        IntOffset(3),
        IntOffset(-1),
    )
    room.log.kept[ONE] = gone
    room.work_all()
    assert (room.chains, room.total) == ([ALL] * 3, 30)


def test_an_empty_read_model_with_checkpoints_from_before_is_rebuilt(opened: Opening) -> None:
    """As of a projector that wrote by itself before, or of a store that was emptied by hand."""
    room = Room(opened)
    room.read_model = opened()
    with pytest.raises(OffsetLost):
        room.work(ZERO)

    assert room.plan().fate is Fate.CLEARED
    room.reset()
    room.work_all()

    assert (room.chains, room.total) == ([ALL] * 3, 30)


def test_a_read_model_put_back_from_a_copy_goes_on_from_where_it_stands(room: Room) -> None:
    for partition in (ZERO, ONE):
        claim = room.claim(partition).holding.claim
        room.offsets.commit(claim, IntOffset(3), IntOffset(7))
        room.offsets.release(claim)
    with pytest.raises(OffsetLost):
        room.work(ZERO)

    room.reset(IntOffset(4))
    room.work_all()

    assert room.checkpoints == [9, 9, 9]
    assert room.chains == [ALL, ALL, "4 5 6 7 8 9"]


def test_another_log_is_rebuilt_whole_and_nothing_else(room: Room) -> None:
    room.log.id = "younger"

    for target, only in ((END, ()), (BEGINNING, [ZERO]), (IntOffset(8), ())):
        with pytest.raises(Misconfigured, match="made from another log"):
            room.plan(target, only)
    assert room.plan().fate is Fate.CLEARED
    room.reset()
    room.work_all()

    assert (room.chains, room.total) == ([ALL] * 3, 30)
    assert room.seal(ZERO).log == LogIdentity("younger", 3)


def test_an_offset_store_without_its_data_is_no_reason_not_to_rebuild(room: Room) -> None:
    room.offsets = MemoryOffsetStore()

    assert room.plan().fate is Fate.CLEARED
    room.reset()
    room.work_all()

    assert (room.chains, room.total) == ([ALL] * 3, 30)


def test_a_reset_that_a_store_did_in_steps_and_did_not_end_is_done_again(room: Room) -> None:
    """Such a store keeps the new epochs, and no offsets, until it is done."""
    room.offsets = MemoryOffsetStore()
    half = {each: Seal(room.seal(each).epoch + 1, "", LOG, None) for each in (ZERO, ONE)}
    with room.read_model.reset("chained", half):
        pass  # and half of the rows are still there

    assert room.plan().fate is Fate.CLEARED
    room.reset()
    room.work_all()

    assert (room.chains, room.total) == ([ALL] * 3, 30)


# --- what is refused ---


@pytest.mark.parametrize(
    ("target", "only"),
    [
        (IntOffset(2), []),
        (IntOffset(0), []),
        (BEGINNING, [ZERO]),
        (BEGINNING, PARTITIONS),
        (IntOffset(3), [ZERO]),
        (Start("time", time=datetime(1970, 1, 1, 0, 0, 2, tzinfo=UTC)), []),
    ],
)
def test_what_would_count_events_twice_is_refused_with_what_to_do(
    room: Room, target: Target, only: list[Partition]
) -> None:
    with pytest.raises(Misconfigured) as refused:
        room.plan(target, only)

    lines = str(refused.value).splitlines()
    assert [line.split(":")[0] for line in lines] == (
        ["orders/0"] if only == [ZERO] else ["orders/0", "orders/1"]
    )
    assert "the read model holds the events before 4" in lines[0]
    assert "use --to-earliest, without --partition; to pass events over, name 4" in lines[0]


def test_a_mixed_target_is_refused_for_the_partitions_that_are_ahead_of_it_alone(
    room: Room,
) -> None:
    room.work(ONE, through=8)

    with pytest.raises(Misconfigured) as refused:
        room.plan(IntOffset(6))

    assert [line.split(":")[0] for line in str(refused.value).splitlines()] == ["orders/1"]
    room.reset(IntOffset(6), [ZERO])
    assert room.places == [5, 8, None]


def test_a_target_behind_the_checkpoint_is_refused_though_the_read_model_tells_nothing(
    opened: Opening,
) -> None:
    room = Room(opened)
    room.read_model = opened()

    with pytest.raises(Misconfigured, match="count twice"):
        room.plan(IntOffset(2))
    room.reset(IntOffset(4))
    assert room.places == [3, 3, 3]


# --- forward ---


def test_forward_the_rows_stay_and_events_are_passed_over(room: Room) -> None:
    plan = room.plan(IntOffset(7))
    assert (plan.fate, [move.passed_over for move in plan.moves]) == (Fate.KEPT, [3, 3, None])

    assert room.do(plan) == Outcome()

    assert room.places == room.checkpoints == [6, 6, 6]
    room.work_all()
    assert room.chains == ["0 1 2 3 7 8 9", "0 1 2 3 7 8 9", "7 8 9"]


def test_one_partition_goes_forward_and_the_others_keep_rows_and_place(room: Room) -> None:
    room.reset(END, [ONE])

    assert room.places == [3, 9, None]
    assert room.checkpoints == [3, 9, None]
    room.work_all()
    assert (room.chains, room.total) == ([ALL, "0 1 2 3", ALL], 24)


def test_to_where_it_stands_nothing_is_written(room: Room) -> None:
    before = room.seal(ZERO)

    room.reset(IntOffset(4), [ZERO])

    assert room.seal(ZERO) == before
    room.work_all()
    assert room.chains == [ALL] * 3


def test_a_projection_that_never_ran_begins_where_it_is_told(opened: Opening) -> None:
    room = Room(opened)
    room.offsets, room.read_model = MemoryOffsetStore(), opened()

    room.reset(IntOffset(8))
    room.work_all()

    assert room.chains == ["8 9"] * 3


# --- who comes in between ---


@pytest.mark.parametrize(
    ("target", "left"), [(BEGINNING, [None] * 3), (END, ["0 1 2 3", "0 1 2 3", None])]
)
def test_a_worker_in_the_middle_writes_nothing_behind_a_reset(
    opened: Opening, target: Target, left: list[str | None]
) -> None:
    """It was stopped while it folded, and gave no sign of life."""
    room = Room(opened)
    is_folding, is_over = threading.Event(), threading.Event()
    projector = Chained()

    def sleep() -> None:
        is_folding.set()
        assert is_over.wait(60)

    def zombie() -> None:
        inside = room.inside(opened.again(), projector)
        holding = room.claim(ZERO, inside).holding
        projector.between = sleep
        inside.apply(room.batch(holding, 7))

    with ThreadPoolExecutor(1) as thread:
        applied = thread.submit(zombie)
        applied.add_done_callback(lambda _: is_folding.set())
        assert is_folding.wait(60)
        assert not applied.done(), applied.exception()
        try:
            assert room.reset(target) == Outcome()
        finally:
            is_over.set()
        with pytest.raises((Fenced, Transient)):  # where rows are locked, its session has ended
            applied.result(60)

    assert room.chains == left


class Interposed:
    """A read model before whose `name` something happens, once."""

    def __init__(self, read_model: ReadModel, name: str, deed: Callable[[], object]) -> None:
        self._read_model, self._name, self._deed = read_model, name, [deed]

    def __getattr__(self, name: str) -> Any:
        if name == self._name and self._deed:
            self._deed.pop()()
        return getattr(self._read_model, name)


@pytest.mark.parametrize(("target", "step"), [(BEGINNING, "reset"), (END, "transaction")])
def test_a_worker_that_seals_before_the_rows_are_touched_stops_the_reset(
    room: Room, target: Target, step: str
) -> None:
    def come() -> None:
        room.presence.extend("late", 60)
        room.claim(ZERO, owner="late")

    plan = room.plan(target)

    outcome = room.do(plan, read_model=Interposed(room.read_model, step, come))

    assert outcome == Outcome(came=frozenset({"late"}))
    assert room.chains == ["0 1 2 3", "0 1 2 3", None]
    assert room.places[0] == 3


def test_a_worker_that_sealed_and_died_makes_it_to_be_typed_again(room: Room) -> None:
    plan = room.plan()
    store = Interposed(room.read_model, "reset", lambda: room.claim(ZERO, owner="late"))

    with pytest.raises(Fenced):
        room.do(plan, read_model=store)

    assert room.reset() == Outcome()
    room.work_all()
    assert (room.chains, room.total) == ([ALL] * 3, 30)


def test_what_went_on_since_it_was_planned_is_not_moved_back(room: Room) -> None:
    plan = room.plan(IntOffset(6))
    room.work(ZERO, through=8)

    with pytest.raises(Misconfigured, match=r"has come to 9 in orders/0 since .*type the same"):
        room.do(plan)

    assert room.places == [8, 3, None]
    room.work_all()
    assert (room.chains, room.total) == ([ALL] * 3, 30)


def test_the_audit_tells_from_where_the_rows_came(room: Room) -> None:
    plan = room.plan()
    room.work(ZERO, through=5)

    room.do(plan)

    (record,) = room.audit.records("chained")
    assert [move.before for move in record.moves] == [IntOffset(5), IntOffset(3), None]


def test_tables_that_do_not_fit_are_told_before_anything_is_claimed(room: Room) -> None:
    def refuse(*_: object) -> None:
        raise Misconfigured("the table chains has other columns")

    plan = room.plan()
    room.read_model.prepare = refuse  # type: ignore[method-assign]

    with pytest.raises(Misconfigured):
        room.do(plan)
    assert room.offsets.get("chained", TWO) is None


# --- cut short ---

WORDS = [
    pytest.param(BEGINNING, [], [ALL] * 3, id="earliest"),
    pytest.param(IntOffset(7), [], ["0 1 2 3 7 8 9"] * 2 + ["7 8 9"], id="forward"),
    pytest.param(END, [ONE], [ALL, "0 1 2 3", ALL], id="one partition"),
]


@pytest.mark.parametrize(("target", "only", "wanted"), WORDS)
def test_killed_at_any_step_the_same_words_end_it_right(
    opened: Opening, target: Target, only: list[Partition], wanted: list[str]
) -> None:
    for step in itertools.count():
        room, death = Room(opened), Death(step)
        try:
            room.do(room.plan(target, only), death.of(room.offsets), death.of(room.read_model))
        except Killed:
            assert room.reset(target, only) == Outcome()
        else:
            break
        room.work_all()
        assert room.chains == wanted, f"killed at step {step}"
        assert room.total == sum(len(chain.split()) for chain in wanted)
    assert step > 10


@pytest.mark.parametrize(("target", "only", "wanted"), WORDS)
def test_killed_at_any_step_the_next_worker_finds_rows_and_offset_together(
    opened: Opening, target: Target, only: list[Partition], wanted: list[str]
) -> None:
    """Each partition goes on from where it was, or from where it was told to."""
    for step in itertools.count():
        room, death = Room(opened), Death(step)
        try:
            room.do(room.plan(target, only), death.of(room.offsets), death.of(room.read_model))
        except Killed:
            room.work_all()
        else:
            break
        for chain, end in zip(room.chains, wanted, strict=True):
            assert chain in {ALL, end}, f"killed at step {step}"
        assert room.total == sum(len((chain or "").split()) for chain in room.chains)
        assert room.checkpoints == room.places
    assert step > 10


def test_a_rebuild_and_then_the_same_words_or_a_worker_killed_too_lose_and_repeat_nothing() -> None:
    """A rebuild is killed at any step, then whoever comes next at any of its own, and then a worker comes."""
    for first in itertools.count():
        room, death = Room(MemoryReadModel), Death(first)
        if not _killed(lambda: _do(room, death)):  # noqa: B023  # called at once
            break
        for second in itertools.count():
            ended = []
            for next_ in (_do, _work):
                room = Room(MemoryReadModel)
                _killed(lambda: _do(room, Death(first)))  # noqa: B023  # called at once
                ended.append(not _killed(lambda: next_(room, Death(second))))  # noqa: B023
                room.work_all()
                assert (room.chains, room.total) == ([ALL] * 3, 30), (first, second, next_)
            if all(ended):
                break
    assert first > 10


def _killed(deed: Callable[[], object]) -> bool:
    try:
        deed()
    except Killed:
        return True
    return False


def _do(room: Room, death: Death) -> None:
    room.do(room.plan(), death.of(room.offsets), death.of(room.read_model))


def _work(room: Room, death: Death) -> None:
    for partition in PARTITIONS:
        inside = room.inside(death.of(room.read_model))
        holding = room.claim(partition, inside, offsets=death.of(room.offsets)).holding
        inside.apply(room.batch(holding, 9))
        holding.advance(IntOffset(9))


def test_a_read_model_that_is_away_leaves_all_where_it_was(room: Room) -> None:
    def away() -> None:
        raise Transient("the store is away")

    plan = room.plan()
    with pytest.raises(Transient):
        room.do(plan, read_model=Interposed(room.read_model, "reset", away))

    assert (room.places, room.checkpoints) == ([3, 3, None], [3, 3, None])
    room.work_all()
    assert (room.chains, room.total) == ([ALL] * 3, 30)


# --- sequences ---


def test_a_rebuild_forgets_the_sequences(opened: Opening) -> None:
    room = Room(opened, guarded=True)

    room.reset()
    assert room._loaded(sequences_table("chained"), [("orders", "a0")]) == {}
    room.work_all()

    assert (room.chains, room.total) == ([ALL] * 3, 30)


def test_what_is_passed_over_by_a_reset_is_no_gap_and_in_other_partitions_it_is(
    opened: Opening,
) -> None:
    room = Room(opened, guarded=True)

    room.reset(IntOffset(7), [ZERO])
    room.work(ZERO)
    room.log.kept[ONE] = counted(10, first=6)

    assert room.chains[0] == "0 1 2 3 7 8 9"
    with pytest.raises(SequenceGap):
        room.work(ONE)


def test_a_partition_that_halted_at_a_gap_goes_on_once_it_is_reset_to_where_it_stands(
    opened: Opening,
) -> None:
    room = Room(opened, guarded=True)
    room.log.kept[ZERO] = counted(10, first=6)
    with pytest.raises(SequenceGap):
        room.work(ZERO)

    room.reset(IntOffset(4), [ONE])
    with pytest.raises(SequenceGap):
        room.work(ZERO)
    room.log.kept[ZERO] = [*counted(4), *counted(10, first=6)]
    room.reset(IntOffset(4), [ZERO])
    room.work(ZERO)

    assert room.chains[0] == "0 1 2 3 6 7 8 9"


def _with_a_gap(room: Room) -> Batch:
    """The next event of the first partition, whose sequence is not the next one."""
    inside = room.inside()
    holding = room.claim(ZERO, inside).holding
    whole = room.batch(holding, 4)
    (event,) = whole.events
    return Batch(ZERO, [msgspec.structs.replace(event, sequence=7)], whole.fence)


@pytest.mark.parametrize("call", ["transaction", "seal"])
def test_a_reset_that_did_not_move_on_lets_no_gap_through(opened: Opening, call: str) -> None:
    class Dies(Death):
        def of(self, store: Any) -> Any:
            return _Dying(store)

    class _Dying:
        def __init__(self, store: Any) -> None:
            self._store = store

        def __getattr__(self, name: str) -> Any:
            if name == call:
                raise Killed
            return getattr(self._store, name)

    room = Room(opened, guarded=True)
    with pytest.raises(Killed):
        room.do(room.plan(END), read_model=Dies(0).of(room.read_model))

    with pytest.raises(SequenceGap):
        room.inside().apply(_with_a_gap(room))


def test_sequences_of_a_guard_that_is_off_go_with_the_rows(opened: Opening) -> None:
    room = Room(opened, guarded=True)
    room.guarded = False
    room.reset()
    room.work_all()
    room.guarded = True

    guarded = room.inside()
    guarded.setup()
    table = sequences_table("chained")
    assert room._loaded(table, [("orders", "a0"), ("orders", "a1")]) == {}
