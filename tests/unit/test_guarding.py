"""The guard by sequences: what came twice is passed over, and what is missing is told, or halts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from consumer.adapters.memory.offset_store import MemoryOffsetStore
from consumer.adapters.memory.read_model import MemoryReadModel
from consumer.adapters.sqlite.read_model import SqliteReadModel
from consumer.engine.guarding import Gaps, Guarding, sequences_table
from consumer.engine.transacting import Transacting
from consumer.errors import Conflict, Misconfigured, SequenceGap, Transient, Undecodable
from consumer.model.event import Batch, Event
from consumer.model.facts import Applied, Duplicated, Fact, Gapped, Halted, Skipped
from consumer.model.names import validated_name
from consumer.model.position import Claim, Fence, IntOffset, LogIdentity, Offset, Partition
from consumer.model.table import Column, Kind, Row, Table
from consumer.ports.read_model import ReadModel, Transaction
from tests.doubles import CHAINS, Chained, Engine, Recorder, ScriptedSource

ORDERS, OTHER = Partition("orders", 0), Partition("orders", 1)
LOG = LogIdentity("log", 2)
SEEN = Table("seen", (Column("at", Kind.INTEGER), Column("id", Kind.TEXT)), ("at",))

Numbered = tuple[str, int | None]


class Remembering:
    """A projector with a row for each event that it is given."""

    name = "remembering"
    tables = (SEEN,)
    read_models: Collection[str] | None = None

    def __init__(self, handles: Collection[str] | None = None) -> None:
        self.handles = handles
        self.raises: list[Exception] = []
        self.sizes: list[int] = []

    def prepare(self, transaction: Transaction) -> None: ...

    def project(self, batch: Batch, transaction: Transaction) -> None:
        self.sizes.append(len(batch))
        if self.raises:
            raise self.raises.pop(0)
        transaction.write(SEEN, [(int(event.id), _name(event)) for event in batch])

    def clear(self, transaction: Transaction) -> None:
        transaction.clear(SEEN)


def _name(event: Event) -> str:
    return f"{event.aggregate_id}{event.sequence}"


class Room:
    """A projection with a guard that has claimed its partitions."""

    def __init__(
        self, read_model: ReadModel, gaps: Gaps, handles: Collection[str] | None = None
    ) -> None:
        self.read_model = read_model
        self.seen = Recorder()
        self.projector = Remembering(handles)
        self.gaps: Gaps = gaps
        self.at: dict[Partition, int] = {}
        self.epoch = 0
        self.take_over()

    def take_over(self) -> None:
        """As another worker does, which knows nothing but what the stores hold."""
        self.epoch += 1
        guarding = Guarding("remembering", gaps=self.gaps, observer=self.seen)
        self.inside = Transacting(self.projector, self.read_model, guarding)
        self.inside.setup()
        for partition in (ORDERS, OTHER):
            claim = Claim("remembering", partition, self.epoch, f"token {self.epoch}", None)
            if self.read_model.seal(claim, LOG).offset is None:
                self.read_model.begin(claim, IntOffset(-1))

    def batch(self, *events: Numbered, partition: Partition = ORDERS, type: str = "T") -> Batch:
        """The next events of the partition."""
        at = self.at.get(partition, -1)
        self.at[partition] = at + len(events)
        made = [
            Event(
                str(at + 1 + n + 1000 * partition.number),
                type,
                name,
                partition,
                IntOffset(at + 1 + n),
                sequence=sequence,
            )
            for n, (name, sequence) in enumerate(events)
        ]
        return batch_of(partition, made, self.epoch, at, at + len(events))

    def apply(self, *events: Numbered, partition: Partition = ORDERS) -> None:
        self.inside.apply(self.batch(*events, partition=partition))

    def accept(self, places: dict[Partition, Offset]) -> None:
        """As a reset does that moves these partitions on."""
        self.read_model.prepare([], lambda transaction: self.inside.accept(places, transaction))

    @property
    def rows(self) -> list[str]:
        """What the projector was given and wrote, in order."""
        found: list[Row] = []
        keys = [(at,) for at in [*range(100), *range(1000, 1100)]]

        def load(transaction: Transaction) -> None:
            found.extend(transaction.load(SEEN, keys).values())

        self.read_model.prepare([], load)
        return [name for _, name in sorted(found)]

    def of(self, kind: type[Fact]) -> list[Fact]:
        return self.seen.of(kind)


def batch_of(
    partition: Partition, events: Sequence[Event], epoch: int, after: int, through: int
) -> Batch:
    fence = Fence("remembering", partition, epoch, IntOffset(after), IntOffset(through))
    return Batch(partition, events, fence)


@pytest.fixture(params=["memory", "sqlite"])
def read_model(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ReadModel]:
    opened: ReadModel = (
        MemoryReadModel()
        if request.param == "memory"
        else SqliteReadModel(tmp_path / "rows.sqlite")
    )
    with closing(opened):
        yield opened


@pytest.fixture
def make(read_model: ReadModel) -> Callable[..., Room]:
    return lambda gaps, **given: Room(read_model, gaps, **given)


@pytest.fixture
def room(make: Callable[..., Room]) -> Room:
    return make("continue")


@pytest.fixture
def strict(make: Callable[..., Room]) -> Room:
    return make("halt")


# --- duplicates ---


def test_a_duplicate_within_a_batch_is_passed_over_and_counted(room: Room) -> None:
    room.apply(("a", 1), ("a", 2), ("a", 2), ("b", 2), ("a", 1), ("a", 3))

    assert room.rows == ["a1", "a2", "b2", "a3"]
    assert room.of(Duplicated) == [Duplicated(ORDERS, 2)]
    assert room.of(Gapped) == []
    assert room.inside.given == 4


def test_a_duplicate_of_an_earlier_batch_is_passed_over(room: Room) -> None:
    room.apply(("a", 1), ("a", 2))
    room.apply(("a", 1), ("a", 3))

    assert room.rows == ["a1", "a2", "a3"]
    assert room.of(Duplicated) == [Duplicated(ORDERS, 1)]


def test_a_duplicate_is_known_after_a_rebalance_and_in_another_partition(room: Room) -> None:
    room.apply(("a", 1), ("a", 2))
    room.take_over()
    room.apply(("a", 2), ("a", 3))
    room.apply(("a", 3), ("a", 4), partition=OTHER)

    assert room.rows == ["a1", "a2", "a3", "a4"]
    assert room.of(Duplicated) == [Duplicated(ORDERS, 1), Duplicated(OTHER, 1)]


def test_a_batch_of_duplicates_alone_moves_the_offset_and_the_projector_is_not_called(
    room: Room,
) -> None:
    room.apply(("a", 1))
    room.apply(("a", 1), ("a", 1))

    assert room.projector.sizes == [1]
    assert room.inside.given == 0
    seal = room.read_model.sealed("remembering", ORDERS)
    assert seal is not None
    assert seal.offset == IntOffset(2)


def test_an_event_without_a_sequence_passes(strict: Room) -> None:
    strict.apply(("a", None), ("a", 4), ("a", None), ("a", 5), ("b", None), ("b", None))

    assert len(strict.rows) == 6
    assert strict.seen.facts == []


def test_the_same_id_in_another_topic_is_another_aggregate(strict: Room) -> None:
    strict.apply(("a", 1))
    elsewhere = Partition("returns", 3)
    claim = Claim("remembering", elsewhere, 1, "token", None)
    strict.read_model.seal(claim, LOG)
    strict.read_model.begin(claim, IntOffset(-1))

    strict.inside.apply(
        batch_of(
            elsewhere,
            [Event("50", "T", "a", elsewhere, IntOffset(0), sequence=1)],
            epoch=1,
            after=-1,
            through=0,
        )
    )

    assert strict.rows == ["a1", "a1"]


# --- gaps ---


def test_the_first_sequence_of_an_aggregate_is_taken_as_it_is(strict: Room) -> None:
    strict.apply(("a", 7), ("b", 0), ("c", -3))

    assert strict.rows == ["a7", "b0", "c-3"]
    assert strict.seen.facts == []


def test_a_gap_goes_on_and_is_told_once_for_a_batch(room: Room) -> None:
    room.apply(("a", 1), ("b", 1))
    room.apply(("a", 2), ("a", 5), ("b", 3), ("a", 6))

    assert room.rows == ["a1", "b1", "a2", "a5", "b3", "a6"]
    assert room.of(Gapped) == [Gapped(ORDERS, 2, IntOffset(3), 5, 2)]


def test_a_gap_halts_before_the_event_and_writes_nothing(strict: Room) -> None:
    strict.apply(("a", 1))

    with pytest.raises(SequenceGap) as halted:
        strict.apply(("b", 1), ("a", 3))

    assert (halted.value.partition, halted.value.offset) == (ORDERS, IntOffset(2))
    assert "its sequence is 3, and the last applied of its aggregate is 1" in str(halted.value)
    assert "'a'" not in str(halted.value), "an aggregate's id is payload"
    assert strict.rows == ["a1"]
    assert strict.seen.facts == []


def test_a_gap_is_found_after_a_rebalance(strict: Room) -> None:
    strict.apply(("a", 1))
    strict.take_over()

    with pytest.raises(SequenceGap):
        strict.apply(("a", 3))


def test_sequences_of_types_that_are_not_handled_leave_no_gap(make: Callable[..., Room]) -> None:
    room = make("halt", handles=("T",))
    room.apply(("a", 1))
    room.inside.apply(room.batch(("a", 2), ("a", 3), type="Other"))
    room.apply(("a", 4))

    assert room.rows == ["a1", "a4"]
    assert room.projector.sizes == [1, 1]


def test_what_a_person_passed_over_is_no_gap_in_that_partition(strict: Room) -> None:
    strict.apply(("a", 1), ("b", 1))
    strict.apply(("c", 1), partition=OTHER)
    strict.accept({ORDERS: IntOffset(1)})

    strict.apply(("a", 5), ("a", 6), ("b", 1))

    assert strict.rows[:4] == ["a1", "b1", "a5", "a6"]
    assert strict.of(Duplicated) == [Duplicated(ORDERS, 1)], "still known"
    with pytest.raises(SequenceGap):
        strict.apply(("a", 8))
    with pytest.raises(SequenceGap):
        strict.apply(("c", 3), partition=OTHER)


def test_a_second_gap_behind_what_was_passed_over_is_one(strict: Room) -> None:
    strict.apply(("a", 1))
    strict.accept({ORDERS: IntOffset(0)})

    with pytest.raises(SequenceGap):
        strict.apply(("a", 5), ("a", 7))


def test_all_gaps_of_the_record_that_a_person_named_are_passed_over(strict: Room) -> None:
    strict.apply(("a", 1))
    first, second, behind, third = strict.batch(("a", 5), ("a", 8), ("b", 1), ("b", 3)).events
    bundled = [
        msgspec.structs.replace(each, offset=first.offset, part=part)
        for part, each in enumerate([first, second, behind, third])
    ]

    def apply() -> None:
        strict.inside.apply(batch_of(ORDERS, bundled, strict.epoch, 0, 1))

    with pytest.raises(SequenceGap):
        apply()
    strict.accept({ORDERS: IntOffset(0)})
    apply()

    assert strict.rows == ["a1", "a5", "a8", "b1", "b3"]
    strict.at[ORDERS] = 1
    with pytest.raises(SequenceGap):
        strict.apply(("a", 10))


def test_what_was_passed_over_in_one_partition_says_nothing_of_places_in_another(
    strict: Room,
) -> None:
    strict.apply(("a", 1), partition=OTHER)
    strict.apply(("b", 1), ("b", 2))
    strict.accept({ORDERS: IntOffset(1)})

    with pytest.raises(SequenceGap):
        strict.apply(("a", 3))


def test_sequences_from_before_a_rebuild_that_was_not_guarded_are_not_believed(room: Room) -> None:
    room.apply(("a", 1), ("a", 2), ("a", 3))
    seals = {
        each: seal
        for each in (ORDERS, OTHER)
        if (seal := room.read_model.sealed("remembering", each)) is not None
    }
    fresh = {each: _begun(seals[each].epoch + 1) for each in seals}
    with room.read_model.reset("remembering", fresh) as transaction:
        transaction.clear(SEEN)  # and not the sequences
    room.at.clear()
    room.epoch += 1
    room.take_over()

    room.apply(("a", 1), ("a", 2))
    room.apply(("a", 2), ("a", 3))

    assert room.rows == ["a1", "a2", "a3"]
    assert room.of(Duplicated) == [Duplicated(ORDERS, 1)]


def _begun(epoch: int) -> Any:
    from consumer.model.seal import Seal

    return Seal(epoch, "", LOG, IntOffset(-1))


# --- what is told, and when ---


def test_what_a_run_found_that_conflicted_is_not_told(room: Room, monkeypatch: Any) -> None:
    room.apply(("a", 1))
    room.projector.raises = [Conflict("another writer"), Conflict("again")]

    room.apply(("a", 1), ("a", 3))

    assert room.seen.facts == [
        Duplicated(ORDERS, 1),
        Gapped(ORDERS, 1, IntOffset(2), 3, 1),
    ]
    assert room.rows == ["a1", "a3"]


def test_what_failed_is_not_told_and_told_once_when_it_went_through(room: Room) -> None:
    room.apply(("a", 1))
    batch = room.batch(("a", 1), ("b", 1))
    room.projector.raises = [Transient("the store is away")]

    with pytest.raises(Transient):
        room.inside.apply(batch)
    assert room.seen.facts == []
    room.inside.apply(batch)

    assert room.seen.facts == [Duplicated(ORDERS, 1)]


class ReplyLost(MemoryReadModel):
    """Of one transaction that went through the reply is lost."""

    is_losing = False

    def _take(self, transaction: Any, fences: Any) -> None:
        super()._take(transaction, fences)
        if self.is_losing:
            self.is_losing = False
            raise Transient("the connection was lost")


def test_a_batch_whose_reply_was_lost_is_no_duplicate_and_told_when_it_is_known() -> None:
    store = ReplyLost()
    room = Room(store, "halt")
    batch = room.batch(("a", 1), ("a", 1), ("a", 2))
    store.is_losing = True

    with pytest.raises(Transient):
        room.inside.apply(batch)
    room.inside.apply(batch)
    room.inside.apply(batch)

    assert room.rows == ["a1", "a2"]
    assert room.seen.facts == [Duplicated(ORDERS, 1)]
    assert room.projector.sizes == [2]


def test_what_was_found_elsewhere_is_not_told_of_a_batch_whose_reply_was_lost() -> None:
    store = ReplyLost()
    room = Room(store, "continue")
    lost, failing = room.batch(("a", 1), partition=OTHER), room.batch(("b", 1), ("b", 1))
    store.is_losing = True
    with pytest.raises(Transient):
        room.inside.apply(lost)
    room.projector.raises = [Transient("the store is away")]
    with pytest.raises(Transient):
        room.inside.apply(failing)

    room.inside.apply(lost)
    assert room.seen.facts == []
    room.inside.apply(failing)
    assert room.seen.facts == [Duplicated(ORDERS, 1)]


def test_what_an_attempt_found_is_void_when_its_events_are_taken_out(room: Room) -> None:
    room.apply(("a", 1))
    batch = room.batch(("a", 3))
    room.projector.raises = [Undecodable(ORDERS, IntOffset(1), "no order")]

    with pytest.raises(Undecodable):
        room.inside.apply(batch)
    room.inside.apply(Batch(ORDERS, [], batch.fence))

    assert room.seen.facts == []


# --- what cannot be kept ---


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (("a\0b", 1), "U+0000"),
        (("a\ud800", 1), "no Unicode text"),
        (("a", 2**63), "beyond 64 bits"),
        (("a", -(2**64)), "beyond 64 bits"),
    ],
)
def test_what_no_store_could_keep_is_an_event_that_cannot_be_read(
    room: Room, event: Numbered, why: str
) -> None:
    with pytest.raises(Undecodable, match=why.replace("+", r"\+")) as refused:
        room.apply(("ü", 1), event)

    assert refused.value.offset == IntOffset(1)


def test_each_projection_has_a_table_of_its_own_that_any_store_takes() -> None:
    names = [
        "orders",
        "Orders",
        "orders@2",
        "orders_402",
        "orders-402",
        "a.b",
        "a_b",
        "x" * 100,
        "x" * 99 + "y",
        "x" * 24 + "_" + "y" * 40,
        "X" * 100 + "@999999999",
    ]
    tables = [sequences_table(validated_name(name)).name for name in names]

    assert tables[0] == "projection_sequences_orders"
    assert len(set(tables)) == len(names)
    assert max(map(len, tables)) == 63


def test_only_the_engines_own_tables_are_called_like_them() -> None:
    columns = (Column("id", Kind.TEXT),)

    for name, is_own in (("projection_orders", False), ("orders", True)):
        with pytest.raises(Misconfigured, match="are our own"):
            Table(name, columns, ("id",), is_own=is_own)


# --- in a worker ---


class Worked:
    """A worker with a guard, over lists."""

    def __init__(
        self,
        *values: object,
        gaps: Gaps,
        skip_poison: bool = False,
        projector: Chained | None = None,
    ) -> None:
        self.source = ScriptedSource(ORDERS, batch_size=2)
        self.source.add(ORDERS, *values)
        self.offsets, self.read_model = MemoryOffsetStore(), MemoryReadModel()
        self.engine = Engine(
            self.source,
            self.offsets,
            projector or Chained(),
            read_model=self.read_model,
            gaps=gaps,
            skip_poison=skip_poison,
        )
        self.seen = self.engine.run()

    @property
    def chain(self) -> str:
        ((_, seen),) = self.read_model.rows(CHAINS) or [("", "")]
        return str(seen)

    @property
    def offset(self) -> Offset | None:
        seal = self.read_model.sealed("chained", ORDERS)
        return None if seal is None else seal.offset


def counted(number: int) -> list[object]:
    return ["Counted", 1, number, number]


def test_a_worker_halts_at_a_gap_with_all_before_it_applied() -> None:
    worked = Worked(counted(1), counted(2), counted(3), counted(5), counted(6), gaps="halt")

    assert worked.chain == "1 2 3"
    assert worked.offset == IntOffset(2)
    (halted,) = worked.seen.of(Halted)
    assert isinstance(halted, Halted)
    assert isinstance(halted.cause, SequenceGap)
    assert halted.cause.offset == IntOffset(3)


def test_a_gap_is_not_skipped_where_what_cannot_be_read_is() -> None:
    worked = Worked(counted(1), counted(3), gaps="halt", skip_poison=True)

    assert worked.chain == "1"
    assert worked.seen.of(Skipped) == []
    assert len(worked.seen.of(Halted)) == 1


def test_an_event_that_was_skipped_is_missing_to_its_aggregate() -> None:
    """Whether its bytes could not be read, or its data."""
    for unreadable in (b"?", ["Counted", 1, "no number", 2]):
        strict, lenient = (
            Worked(
                counted(1), unreadable, counted(3), gaps=gaps, skip_poison=True, projector=Strict()
            )
            for gaps in ("halt", "continue")
        )

        assert (strict.chain, lenient.chain) == ("1", "1 3")
        assert len(strict.seen.of(Halted)) == 1
        assert [len(worked.seen.of(Skipped)) for worked in (strict, lenient)] == [1, 1]
        assert lenient.seen.of(Gapped) == [Gapped(ORDERS, 1, IntOffset(2), 3, 1)]


class Strict(Chained):
    """Decodes before it writes, as the engine's own do."""

    def project(self, batch: Batch, transaction: Transaction) -> None:
        for event in batch:
            event.decode(int)
        super().project(batch, transaction)


class Handling(Chained):
    handles: Collection[str] | None = ("Counted",)


def test_a_worker_counts_what_its_projector_was_given() -> None:
    worked = Worked(
        counted(1),
        ["Other", 1, 0, 2],
        ["Other", 7, 0, 3],
        counted(3),
        counted(4),
        gaps="halt",
        projector=Handling(),
    )

    assert worked.chain == "1 4"
    applied = [fact for fact in worked.seen.of(Applied) if isinstance(fact, Applied)]
    assert [(fact.events, fact.records) for fact in applied] == [(1, 2), (0, 2), (1, 1)]
    assert worked.seen.of(Duplicated) == [Duplicated(ORDERS, 1)]
