"""Records that bundle several events: all of them count, together or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer import (
    Applied,
    Event,
    IntOffset,
    NoUpcaster,
    Offset,
    Partition,
    Runner,
    Transient,
    Undecodable,
    upcaster,
)
from consumer.adapters.memory.offset_store import MemoryOffsetStore
from consumer.adapters.memory.read_model import MemoryReadModel
from consumer.engine.decoding import Decoding
from consumer.engine.upcasting import Upcasting
from consumer.model import facts
from consumer.model.event import parts
from consumer.model.lag import Lag
from consumer.model.position import Claim, LogIdentity
from consumer.model.record import Record
from consumer.model.start import Start
from consumer.ports.upcaster import Upcaster
from projectors import EventArchive
from projectors.examples.search_index import SearchIndex
from tests.doubles import CHAINS, Chained, Engine, Folded, Numbers, Recorder, ScriptedSource
from tests.unit.examples.versioned_store import VersionedStore, serving
from tests.unit.projectors.rooms import batch, event

P = Partition("numbers", 0)


def bundle(*values: object) -> dict[str, object]:
    """A record's value, as the codec `Numbers` reads it."""
    return {"bundle": values}


def records(*values: object) -> list[Record]:
    return [
        Record(P, IntOffset(at), None, json.dumps(value).encode())
        for at, value in enumerate(values)
    ]


def place(event: Event) -> tuple[str, int]:
    return str(event.offset), event.part


class Room:
    """A decoding, and what it said."""

    def __init__(self, *upcasters: Upcaster, **given: Any) -> None:
        self.seen = Recorder()
        handles = given.pop("handles", None)
        options = {"skip_poison": False, "observer": self.seen, **given}
        self.decoding = Decoding(Numbers(), Upcasting(upcasters, handles), handles, **options)

    def places(self, *values: object) -> list[tuple[str, int]]:
        return [place(event) for event in self.decoding.decode(records(*values)).events]


# --- decoding --------------------------------------------------------------------------------------


def test_each_event_of_a_record_has_its_number() -> None:
    assert Room().places(1, bundle(2, 3, 4), 5) == [
        ("0", 0),
        ("1", 0),
        ("1", 1),
        ("1", 2),
        ("2", 0),
    ]


def test_the_numbers_are_given_whatever_a_codec_says() -> None:
    odd = [event("a", part=7), event("b", part=7)]
    assert [each.part for each in parts(odd)] == [0, 1]
    assert [each.part for each in odd] == [7, 7]


def test_a_record_that_bundles_nothing_is_settled() -> None:
    decoded = Room().decoding.decode(records(bundle(), bundle()))
    assert (decoded.events, decoded.records, decoded.poison) == ([], 2, None)


def test_what_the_projector_does_not_handle_is_passed_over_within_a_record() -> None:
    mixed = bundle(["A", 1, 1], ["B", 1, 2], ["A", 1, 3])
    assert Room(handles=["A"]).places(mixed) == [("0", 0), ("0", 2)]
    assert len(Room(handles=["A"], keeps_others=True).places(mixed)) == 3


def test_where_one_event_is_poison_none_of_its_record_is_given() -> None:
    room = Room(upcaster("A", 1)(lambda data: data), handles=["A"])
    newer = bundle(["A", 2, 1], ["A", 1, 2], ["A", 3, 3])

    decoded = room.decoding.decode(records(["A", 2, 0], newer, ["A", 2, 9]))

    assert [place(each) for each in decoded.events] == [("0", 0)]
    assert decoded.records == 1
    assert isinstance(decoded.poison, NoUpcaster)
    assert decoded.poison.offset == IntOffset(1)


def test_a_record_with_poison_is_skipped_whole_and_told_once() -> None:
    room = Room(upcaster("A", 1)(lambda data: data), handles=["A"], skip_poison=True)
    newer = bundle(["A", 2, 1], ["A", 3, 2], ["A", 3, 3])
    assert room.places(newer, ["A", 2, 9]) == [("1", 0)]
    assert room.seen.verbs() == ["Skipped"]


@pytest.mark.parametrize("found", [None, 7, "text", [None], [[]]])
def test_what_is_no_event_is_the_codecs_fault(found: Any) -> None:
    class Wrong:
        def decode(self, record: Record) -> Any:
            return found

    decoding = Decoding(Wrong(), Upcasting([], None), None, skip_poison=False, observer=Recorder())
    poison = decoding.decode(records(1)).poison
    assert "which a codec must not" in str(poison)


def test_codec_that_gives_its_events_one_by_one_may_fail_on_the_way() -> None:
    class Lazy:
        def decode(self, record: Record) -> Any:
            def one_by_one() -> Iterator[Event]:
                yield Event("1", "A", "", record.partition, record.offset)
                raise Transient("the registry is away")

            return one_by_one()

    decoding = Decoding(Lazy(), Upcasting([], None), None, skip_poison=False, observer=Recorder())
    decoded = decoding.decode(records(1))
    assert (list(decoded.events), decoded.records) == ([], 0)
    assert isinstance(decoded.outage, Transient)


# --- a worker --------------------------------------------------------------------------------------


class Worker:
    """A worker that comes to the end of what is there."""

    def __init__(self, *values: object, **given: Any) -> None:
        self.offsets, self.read_model = MemoryOffsetStore(), MemoryReadModel()
        source = ScriptedSource(P, batch_size=10)
        source.add(P, *values)
        projector = given.pop("projector", None) or Chained()
        engine = Engine(source, self.offsets, projector, read_model=self.read_model, **given)
        self.seen = engine.run()

    @property
    def halted(self) -> BaseException:
        (halted,) = self.seen.of(facts.Halted)
        assert isinstance(halted, facts.Halted)
        return halted.cause

    @property
    def chain(self) -> str:
        return dict(self.read_model.rows(CHAINS)).get(str(P), "")

    @property
    def offset(self) -> Offset | None:
        checkpoint = self.offsets.get("chained", P)
        return checkpoint and checkpoint.offset


def test_events_and_records_are_counted_apart() -> None:
    worker = Worker(1, bundle(2, 3, 4), bundle(), 5)
    (applied,) = worker.seen.of(facts.Applied)
    assert isinstance(applied, facts.Applied)
    assert (applied.events, applied.records, applied.offset) == (5, 4, IntOffset(3))
    assert worker.chain == "1 2 3 4 5"


def test_a_record_halts_as_a_whole_where_only_the_projector_finds_what_is_wrong() -> None:
    worker = Worker(1, bundle(2, "no number", 4), 5)
    assert (worker.chain, worker.offset) == ("1", IntOffset(0))
    assert isinstance(worker.halted, Undecodable)


def test_a_record_is_skipped_as_a_whole_where_only_the_projector_finds_what_is_wrong() -> None:
    worker = Worker(1, bundle(2, "no number", 4), 5, skip_poison=True)
    assert (worker.chain, worker.offset) == ("1 5", IntOffset(2))
    assert len(worker.seen.of(facts.Skipped)) == 1


def test_a_record_that_bundles_nothing_moves_the_offset_alone() -> None:
    worker = Worker(bundle())
    assert (worker.chain, worker.offset) == ("", IntOffset(0))


def test_a_gap_within_a_record_halts_before_the_record() -> None:
    jumps = bundle(["A", 1, 2, 5], ["A", 1, 3, 8])
    worker = Worker(["A", 1, 1, 1], jumps, gaps="halt")
    assert (worker.chain, worker.offset) == ("1", IntOffset(0))
    assert "reset this partition to this very event" in str(worker.halted)


# --- a runner --------------------------------------------------------------------------------------


class Bundles:
    """An `EventLog` over the values of records, of which each page is as long as asked."""

    def __init__(self, *values: object) -> None:
        self.records = records(*values)
        self._identity = LogIdentity("log", 1)

    @property
    def events(self) -> list[Event]:
        return [event for record in self.records for event in parts(Numbers().decode(record))]

    def identity(self, partition: Partition) -> LogIdentity:
        return self._identity

    def partitions(self) -> Sequence[Partition]:
        return [P]

    def ends(self) -> Mapping[Partition, Offset]:
        return {P: IntOffset(len(self.records) - 1)}

    def lag(self, offsets: Mapping[Partition, Offset]) -> Mapping[Partition, Lag]:
        return {}

    def before(self, partition: Partition, start: Start) -> Offset:
        return IntOffset(-1)

    def read(self, partition: Partition, after: Offset | None, limit: int) -> Sequence[Event]:
        at = after.value + 1 if isinstance(after, IntOffset) else 0
        found: list[Event] = []
        while not found and at < len(self.records):
            for record in self.records[at : at + limit]:
                found += parts(Numbers().decode(record))
            at += limit
        return found

    def close(self) -> None: ...


def test_a_page_of_events_ends_with_a_whole_record() -> None:
    log, folded = Bundles(1, bundle(2, 3, 4), 5), Folded()
    with Runner(log, MemoryOffsetStore(), folded, batch_size=2) as runner:
        assert runner.apply_batch(log.events) == Applied(5, IntOffset(2))
    assert [len(each) for each in folded.batches] == [4, 1]


def test_what_is_missing_before_given_events_is_read_with_all_parts() -> None:
    log, folded = Bundles(1, bundle(2, 3), bundle(4, 5), 6), Folded()
    with Runner(log, MemoryOffsetStore(), folded) as runner:
        runner.apply_batch([each for each in log.events if each.offset > IntOffset(0)])
        runner.apply_batch(log.events)
    assert folded.numbers == [1, 2, 3, 4, 5, 6]


def test_parts_out_of_order_or_without_those_before_them_are_refused() -> None:
    first, second, third = Bundles(bundle(1, 2, 3)).events
    with Runner(Bundles(), MemoryOffsetStore(), Folded()) as runner:
        for wrong in ([first, first], [second, first], [second, third], [first, third]):
            with pytest.raises(ValueError, match="nothing was applied"):
                runner.apply_batch(wrong)


def test_a_runner_stops_before_the_record_whose_part_no_upcaster_takes() -> None:
    class Newer(Folded):
        handles = {"A": 1}  # noqa: RUF012

    folded, offsets = Newer(), MemoryOffsetStore()
    log = Bundles(["A", 1, 1], bundle(["A", 1, 2], ["A", 2, 3]), ["A", 1, 4])
    with Runner(log, offsets, folded) as runner, pytest.raises(NoUpcaster):
        runner.apply_since()
    assert folded.numbers == [1]
    checkpoint = offsets.get("folded", P)
    assert checkpoint is not None
    assert checkpoint.offset == IntOffset(0)


class Losing(MemoryOffsetStore):
    """Loses commits, some of them on the way back."""

    def __init__(self, *fates: str) -> None:
        super().__init__()
        self.fates = list(fates)

    def commit(self, claim: Claim, expected: Offset | None, offset: Offset) -> None:
        fate = self.fates.pop(0) if self.fates else "kept"
        if fate == "lost":
            raise Transient("lost")
        super().commit(claim, expected, offset)
        if fate == "unanswered":
            raise Transient("unanswered")


numbers = st.integers(0, 99)
values = numbers | st.lists(numbers, max_size=4).map(lambda many: bundle(*many))


@given(
    st.lists(values, max_size=8),
    st.lists(st.integers(1, 4), min_size=1),
    st.lists(st.sampled_from(["kept", "lost", "unanswered"]), max_size=6),
    st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=4),
)
def test_the_rows_are_the_same_in_batches_of_any_size_whoever_is_killed_and_whatever_is_given(
    values: list[object], sizes: list[int], fates: list[str], slices: list[tuple[int, int]]
) -> None:
    log, offsets, read_model = Bundles(*values), Losing(*fates), MemoryReadModel()
    for _ in range(len(fates) + 1):
        for size in sizes:
            with Runner(log, offsets, Chained(), read_model=read_model, batch_size=size) as runner:
                try:
                    for first, last in slices:
                        within = [e for e in log.events if first <= int(str(e.offset)) <= last]
                        runner.apply_batch(within)
                    runner.apply_since()
                except Transient:
                    continue  # as a new process does
    chain = dict(read_model.rows(CHAINS)).get(str(P), "")
    assert chain.split() == [str(each.decode(int)) for each in log.events]


# --- projectors ------------------------------------------------------------------------------------


def test_the_archive_has_a_row_for_each_part() -> None:
    read_model = MemoryReadModel()
    archive = EventArchive()
    log = Bundles(bundle(1, 2), 3)
    with Runner(log, MemoryOffsetStore(), archive, read_model=read_model) as runner:
        runner.apply_since()
    (table,) = archive.tables
    names = [column.name for column in table.columns]
    rows = [dict(zip(names, row, strict=True)) for row in read_model.rows(table)]
    assert [(row["at_offset"], row["part"], row["data"]) for row in rows] == [
        ("0", 0, "1"),
        ("0", 1, "2"),
        ("1", 0, "3"),
    ]


def test_all_parts_are_in_a_document_whose_version_is_their_offset() -> None:
    line = {"text": "tea", "cents": 1}
    lines = [event("LineAdded", line, at=5, about="o-1", part=part) for part in range(3)]
    later = [event("LineAdded", line, at=6, about="o-1")]
    with serving(VersionedStore()) as store:
        index = SearchIndex(store.url)
        for events in (lines, lines, [*lines, *later], lines):
            index.apply(batch(*events))
        version, document = store.documents["o-1"]
    assert (version, document["cents"]) == (6, 4)
