"""The behaviour that go-sync-kit documents of its `projection` package, as it holds here.

A class a documented part, in the order of that documentation; each test is a sentence of it, or one of those
in which this project promises more:

    OffsetStore                 TestOffsetStore, TestWhatAStoreKeeps, TestManyThreadsOnAStore, TestVacuum
    Projector                   TestProjector
    Runner, NewRunner           TestNewRunner, TestApplySince, TestApplyBatch, TestTimeout, TestCancelling
    ErrorType.., Operation..    TestConstants, TestErrorTypes
    ProjectionMetrics           TestProjectionMetrics, TestDefaultMetrics, TestARunnersMetrics
    Version                     TestVersion, TestVectorOfVersions

The store's part runs on every store, the runner's on those that need no server: what a store does under a
runner is the same contract.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from consumer import (
    Applied,
    ApplyFailed,
    Batch,
    Cancelled,
    Closed,
    ConsumerError,
    ErrorType,
    Event,
    Fenced,
    IntOffset,
    LogIdentity,
    Misconfigured,
    Offset,
    OffsetLost,
    Offsets,
    OffsetStore,
    Operation,
    Partition,
    Runner,
    StreamOffset,
    TimedOut,
    Transient,
    Undecodable,
)
from consumer.adapters.memory.event_log import MemoryEventLog
from consumer.adapters.memory.offset_store import MemoryOffsetStore
from consumer.adapters.redis.connection import connect
from consumer.adapters.redis.offset_store import RedisOffsetStore
from consumer.adapters.sqlite.offset_store import SqliteOffsetStore
from consumer.telemetry import metrics as default
from consumer.telemetry.metrics import ProjectionMetrics
from tests.doubles import Folded

EVENTS = Partition("events", 0)
LOG = LogIdentity("log", 1)


def at(value: int) -> IntOffset:
    return IntOffset(value)


def made(kind: str, request: pytest.FixtureRequest) -> OffsetStore:
    if kind == "memory":
        return MemoryOffsetStore()
    if kind == "sqlite":
        return SqliteOffsetStore(request.getfixturevalue("tmp_path") / "offsets.db")
    server = request.getfixturevalue("valkey")
    return RedisOffsetStore(connect(server.url), prefix=f"contract-{uuid.uuid4().hex}")


@pytest.fixture(params=["memory", "sqlite", "valkey"])
def store(request: pytest.FixtureRequest) -> Iterator[OffsetStore]:
    opened = made(request.param, request)
    yield opened
    opened.close()


@pytest.fixture(params=["memory", "sqlite"])
def offsets(request: pytest.FixtureRequest) -> Iterator[OffsetStore]:
    opened = made(request.param, request)
    yield opened
    opened.close()


@pytest.fixture
def log() -> MemoryEventLog:
    return MemoryEventLog()


@pytest.fixture
def metrics() -> ProjectionMetrics:
    return ProjectionMetrics("shop")


def fill(log: MemoryEventLog, *numbers: int) -> list[Event]:
    return [log.append("Counted", number) for number in numbers]


def stored(offsets: OffsetStore, projection: str = "folded") -> Offset | None:
    checkpoint = offsets.get(projection, EVENTS)
    return None if checkpoint is None else checkpoint.offset


def keep(store: OffsetStore, projection: str, *values: int) -> None:
    """Claims once, and commits these offsets one after the other."""
    claim = store.claim(projection, EVENTS, owner="me", log=LOG)
    expected = claim.offset
    for value in values:
        store.commit(claim, expected, at(value))
        expected = at(value)


class TestOffsetStore:
    def test_a_projection_that_never_ran_gives_none_and_no_error(self, store: OffsetStore) -> None:
        assert store.get("orders", EVENTS) is None

    def test_an_empty_name_is_refused(self, store: OffsetStore) -> None:
        for call in (
            lambda: store.get("", EVENTS),
            lambda: store.claim("", EVENTS, owner="me", log=LOG),
            lambda: store.reset(""),
        ):
            with pytest.raises(Misconfigured, match="cannot name a projection"):
                call()

    def test_a_missing_version_is_refused_and_what_was_stored_stays(
        self, store: OffsetStore
    ) -> None:
        claim = store.claim("orders", EVENTS, owner="me", log=LOG)
        store.commit(claim, None, at(4))
        missing: Any = None
        with pytest.raises(Misconfigured, match="no offset"):
            store.commit(claim, at(4), missing)
        assert stored(store, "orders") == at(4)

    def test_a_closed_store_says_so(self, store: OffsetStore) -> None:
        claim = store.claim("orders", EVENTS, owner="me", log=LOG)
        store.close()
        for call in (
            lambda: store.get("orders", EVENTS),
            lambda: store.claim("orders", EVENTS, owner="me", log=LOG),
            lambda: store.commit(claim, None, at(1)),
            lambda: store.reset("orders"),
            store.list_projections,
        ):
            with pytest.raises(Closed):
                call()

    def test_closing_twice_is_safe(self, store: OffsetStore) -> None:
        store.close()
        store.close()


class TestWhatAStoreKeeps:
    def test_what_was_set_last_is_what_get_gives(self, store: OffsetStore) -> None:
        keep(store, "orders", 3, 7)
        assert stored(store, "orders") == at(7)

    def test_list_projections_has_the_names_that_ran_in_order(self, store: OffsetStore) -> None:
        assert store.list_projections() == []
        keep(store, "orders", 1)
        keep(store, "customers@2", 1)
        assert store.list_projections() == ["customers@2", "orders"]

    def test_a_reset_projection_starts_anew_and_the_others_stay(self, store: OffsetStore) -> None:
        keep(store, "orders", 1)
        keep(store, "customers", 2)
        store.reset("orders")
        assert store.get("orders", EVENTS) is None
        assert store.list_projections() == ["customers"]
        assert stored(store, "customers") == at(2)

    def test_resetting_an_unknown_name_is_no_error(self, store: OffsetStore) -> None:
        store.reset("nobody")
        store.reset("nobody")

    def test_a_set_by_who_was_taken_over_is_fenced(self, store: OffsetStore) -> None:
        old = store.claim("orders", EVENTS, owner="old", log=LOG)
        keep(store, "orders", 5)
        with pytest.raises(Fenced):
            store.commit(old, None, at(9))
        assert stored(store, "orders") == at(5)


class TestManyThreadsOnAStore:
    def test_ten_threads_on_ten_names_lose_nothing(self, store: OffsetStore) -> None:
        names = [f"projection-{number}" for number in range(10)]
        with ThreadPoolExecutor(10) as pool:
            list(pool.map(lambda name: keep(store, name, *range(20)), names))
        assert store.list_projections() == names
        assert [stored(store, name) for name in names] == [at(19)] * 10

    def test_readers_beside_writers_see_offsets_that_only_grow(self, store: OffsetStore) -> None:
        keep(store, "orders", 0)
        done = threading.Event()

        def read() -> list[Offset]:
            seen = []
            while not done.is_set():
                offset = stored(store, "orders")
                assert offset is not None
                seen.append(offset)
            return seen

        with ThreadPoolExecutor(3) as pool:
            readers = [pool.submit(read) for _ in range(3)]
            try:
                keep(store, "orders", *range(1, 60))
            finally:
                done.set()
        for reader in readers:
            assert reader.result() == sorted(reader.result())
        assert stored(store, "orders") == at(59)


class TestVacuum:
    def test_vacuum_gives_space_back_and_keeps_every_offset(self, tmp_path: Path) -> None:
        path = tmp_path / "offsets.db"
        store = SqliteOffsetStore(path)
        for number in range(300):
            claim = store.claim("orders", Partition("t" * 200, number), owner="me", log=LOG)
            store.commit(claim, None, at(number))
        grown = sum(file.stat().st_size for file in tmp_path.iterdir())
        store.vacuum()
        assert sum(file.stat().st_size for file in tmp_path.iterdir()) < grown
        checkpoint = store.get("orders", Partition("t" * 200, 299))
        assert checkpoint is not None
        assert checkpoint.offset == at(299)
        store.close()
        with pytest.raises(Closed):
            store.vacuum()


class TestProjector:
    def test_its_name_is_what_its_offsets_are_kept_under(
        self, log: MemoryEventLog, offsets: OffsetStore
    ) -> None:
        fill(log, 1)
        Runner(log, offsets, Folded()).apply_since()
        assert offsets.list_projections() == ["folded"]

    def test_projectors_do_not_see_each_others_offsets(
        self, log: MemoryEventLog, offsets: OffsetStore
    ) -> None:
        fill(log, 1, 2)
        other = Folded()
        other.name = "other"
        Runner(log, offsets, Folded()).apply_since()
        assert Runner(log, offsets, other).apply_since() == Applied(2, at(1))

    def test_a_batch_is_in_order_and_never_empty(
        self, log: MemoryEventLog, offsets: OffsetStore
    ) -> None:
        folded = Folded()
        runner = Runner(log, offsets, folded, batch_size=3)
        runner.apply_since()
        runner.apply_batch([])
        runner.apply_batch(fill(log, *range(7)))
        runner.apply_since()
        assert [len(batch) for batch in folded.batches] == [3, 3, 1]
        assert folded.numbers == list(range(7))

    def test_a_batch_whose_set_was_lost_before_comes_again_so_it_must_be_idempotent(
        self, log: MemoryEventLog, offsets: OffsetStore
    ) -> None:
        fill(log, 1)
        folded = Folded()
        away: Any = Forgetful(offsets)
        with pytest.raises(Transient):
            Runner(log, away, folded).apply_since()
        Runner(log, offsets, folded).apply_since()
        assert folded.numbers == [1, 1]


class Forgetful:
    """An offset store that is out of reach whenever something was applied."""

    def __init__(self, offsets: OffsetStore) -> None:
        self._offsets = offsets

    def __getattr__(self, name: str) -> Any:
        return getattr(self._offsets, name)

    def commit(self, claim: Any, expected: Offset | None, offset: Offset) -> None:
        if expected is not None:
            raise Transient("the offset store is away")
        self._offsets.commit(claim, expected, offset)


class TestNewRunner:
    @pytest.mark.parametrize("size", [0, -1])
    def test_a_batch_size_that_is_not_positive_is_misconfigured(
        self, size: int, log: MemoryEventLog, offsets: OffsetStore
    ) -> None:
        with pytest.raises(Misconfigured, match="batch size"):
            Runner(log, offsets, Folded(), batch_size=size)

    def test_a_batch_size_is_500_unless_told_otherwise(
        self, log: MemoryEventLog, offsets: OffsetStore
    ) -> None:
        fill(log, *range(501))
        folded = Folded()
        Runner(log, offsets, folded).apply_since()
        assert [len(batch) for batch in folded.batches] == [500, 1]

    def test_it_counts_one_partitions_events(self, offsets: OffsetStore) -> None:
        class Two(MemoryEventLog):
            def partitions(self) -> Sequence[Partition]:
                return [EVENTS, Partition("events", 1)]

        log = Two()
        fill(log, 1)
        with pytest.raises(Misconfigured, match="partition="):
            Runner(log, offsets, Folded())
        assert Runner(log, offsets, Folded(), partition=EVENTS).apply_since().count == 1

    def test_a_logger_gets_a_line_for_each_call(
        self, log: MemoryEventLog, offsets: OffsetStore, caplog: pytest.LogCaptureFixture
    ) -> None:
        fill(log, 1)
        runner = Runner(log, offsets, Folded(), logger=logging.getLogger("runner"))
        with caplog.at_level(logging.INFO):
            runner.apply_since()
            runner.apply_batch([])
        since, batch = (record.getMessage() for record in caplog.records)
        assert since.startswith("apply_since of folded in events/0: 1 applied, last 0, ")
        assert batch.startswith("apply_batch of folded in events/0: 0 applied, last None, ")

    def test_without_a_logger_there_are_no_lines(
        self, log: MemoryEventLog, offsets: OffsetStore, caplog: pytest.LogCaptureFixture
    ) -> None:
        fill(log, 1)
        with caplog.at_level(logging.DEBUG):
            Runner(log, offsets, Folded()).apply_since()
        assert caplog.records == []

    def test_it_claims_on_first_use_and_keeps_the_epoch(
        self, log: MemoryEventLog, offsets: OffsetStore
    ) -> None:
        runner = Runner(log, offsets, Folded())
        assert offsets.get("folded", EVENTS) is None
        for number in range(3):
            fill(log, number)
            runner.apply_since()
            checkpoint = offsets.get("folded", EVENTS)
            assert checkpoint is not None
            assert checkpoint.epoch == 1

    def test_a_runner_that_another_took_over_from_raises_fenced(
        self, log: MemoryEventLog, offsets: OffsetStore
    ) -> None:
        fill(log, 1)
        first = Runner(log, offsets, Folded())
        first.apply_since()
        fill(log, 2)
        Runner(log, offsets, Folded()).apply_since()
        fill(log, 3)
        for call in (first.apply_since, lambda: first.apply_batch([])):
            with pytest.raises(Fenced):
                call()
        assert stored(offsets) == at(1)


class TestApplySince:
    def test_it_applies_all_events_since_the_stored_offset(
        self, log: MemoryEventLog, offsets: OffsetStore
    ) -> None:
        fill(log, 1, 2, 3)
        Runner(log, offsets, Folded()).apply_since()
        fill(log, 4, 5)
        folded = Folded()
        assert Runner(log, offsets, folded).apply_since() == Applied(2, at(4))
        assert folded.numbers == [4, 5]
        assert stored(offsets) == at(4)

    def test_without_a_stored_offset_it_starts_at_the_beginning(
        self, log: MemoryEventLog, offsets: OffsetStore
    ) -> None:
        fill(log, 1, 2)
        assert Runner(log, offsets, Folded()).apply_since() == Applied(2, at(1))

    def test_with_nothing_to_apply_the_count_is_0_and_last_is_none(
        self, log: MemoryEventLog, offsets: OffsetStore
    ) -> None:
        runner = Runner(log, offsets, Folded())
        assert runner.apply_since() == Applied(0, None)
        fill(log, 1)
        runner.apply_since()
        assert runner.apply_since() == Applied(0, None)

    def test_it_can_be_called_any_number_of_times(
        self, log: MemoryEventLog, offsets: OffsetStore
    ) -> None:
        folded = Folded()
        runner = Runner(log, offsets, folded)
        for number in range(5):
            fill(log, number)
            assert runner.apply_since() == Applied(1, at(number))
        assert folded.numbers == list(range(5))

    def test_after_an_error_what_was_applied_before_stays_and_the_count_is_on_the_exception(
        self, log: MemoryEventLog, offsets: OffsetStore
    ) -> None:
        fill(log, *range(5))
        with pytest.raises(ApplyFailed) as failed:
            Runner(log, offsets, FailsAt(2), batch_size=2).apply_since()
        assert failed.value.applied == 2
        assert stored(offsets) == at(1)

    def test_after_an_error_the_next_call_goes_on_where_it_happened(
        self, log: MemoryEventLog, offsets: OffsetStore
    ) -> None:
        fill(log, 1, 2)
        runner = Runner(log, offsets, Folded(Transient("the table is away")))
        with pytest.raises(Transient):
            runner.apply_since()
        assert runner.apply_since() == Applied(2, at(1))


class FailsAt(Folded):
    """A projector that cannot take a number."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def apply(self, batch: Batch) -> None:
        if self.number in [event.decode(int) for event in batch]:
            raise RuntimeError("cannot take it")
        super().apply(batch)


class TestApplyBatch:
    def test_it_applies_these_events_and_moves_the_offset(
        self, log: MemoryEventLog, offsets: OffsetStore
    ) -> None:
        folded = Folded()
        assert Runner(log, offsets, folded).apply_batch(fill(log, 1, 2)) == Applied(2, at(1))
        assert folded.numbers == [1, 2]
        assert stored(offsets) == at(1)

    def test_an_empty_batch_is_a_no_op(self, log: MemoryEventLog, offsets: OffsetStore) -> None:
        fill(log, 1)
        assert Runner(log, offsets, Folded()).apply_batch([]) == Applied(0, None)
        assert offsets.get("folded", EVENTS) is None

    def test_events_at_or_below_the_offset_are_skipped_and_the_offset_never_goes_back(
        self, log: MemoryEventLog, offsets: OffsetStore
    ) -> None:
        events = fill(log, 1, 2, 3)
        folded = Folded()
        runner = Runner(log, offsets, folded)
        runner.apply_batch(events[:2])
        assert runner.apply_batch(events) == Applied(1, at(2))
        assert runner.apply_batch(events[:1]) == Applied(0, None)
        assert folded.numbers == [1, 2, 3]
        assert stored(offsets) == at(2)

    def test_what_the_log_holds_before_the_batch_is_applied_first(
        self, log: MemoryEventLog, offsets: OffsetStore
    ) -> None:
        events = fill(log, *range(52))
        folded = Folded()
        runner = Runner(log, offsets, folded, batch_size=20)
        assert runner.apply_batch(events[51:]) == Applied(52, at(51))
        assert runner.apply_batch(events[50:51]) == Applied(0, None)
        assert folded.numbers == list(range(52))

    def test_what_the_log_holds_between_the_events_is_applied_too(
        self, log: MemoryEventLog, offsets: OffsetStore
    ) -> None:
        events = fill(log, *range(9))
        folded = Folded()
        runner = Runner(log, offsets, folded)
        assert runner.apply_batch(events[:5:2]) == Applied(5, at(4))
        assert runner.apply_batch([events[3], events[8]]) == Applied(4, at(8))
        assert folded.numbers == list(range(9))

    def test_unordered_events_are_refused_and_none_is_applied(
        self, log: MemoryEventLog, offsets: OffsetStore
    ) -> None:
        one, two = fill(log, 1, 2)
        folded = Folded()
        runner = Runner(log, offsets, folded)
        for unordered in ([two, one], [one, one]):
            with pytest.raises(ValueError, match="sort by offset"):
                runner.apply_batch(unordered)
        assert folded.batches == []

    def test_events_of_another_partition_are_refused(
        self, log: MemoryEventLog, offsets: OffsetStore
    ) -> None:
        with pytest.raises(ValueError, match="nothing was applied"):
            Runner(log, offsets, Folded()).apply_batch(fill(MemoryEventLog("other"), 1))

    def test_after_an_error_the_count_so_far_has_what_the_log_held_before(
        self, log: MemoryEventLog, offsets: OffsetStore
    ) -> None:
        events = fill(log, 1, 2, 3)
        with pytest.raises(ApplyFailed) as failed:
            Runner(log, offsets, FailsAt(3)).apply_batch(events[2:])
        assert failed.value.applied == 2
        assert stored(offsets) == at(1)


class Hangs(Folded):
    """A projector that does not come back until a test lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.may_end = threading.Event()

    def apply(self, batch: Batch) -> None:
        self.may_end.wait()
        super().apply(batch)


@pytest.fixture
def hangs() -> Iterator[Hangs]:
    hanging = Hangs()
    yield hanging
    hanging.may_end.set()


class TestTimeout:
    def test_past_its_timeout_an_apply_raises_and_its_events_are_not_committed(
        self, log: MemoryEventLog, offsets: OffsetStore, hangs: Hangs
    ) -> None:
        fill(log, 1)
        with pytest.raises(
            TimedOut, match=r"folded had not applied .* after 0\.05 seconds"
        ) as late:
            Runner(log, offsets, hangs, timeout=0.05).apply_since()
        assert late.value.applied == 0
        assert stored(offsets) == at(-1)

    def test_a_runner_whose_apply_timed_out_refuses_further_use_and_a_new_one_goes_on(
        self, log: MemoryEventLog, offsets: OffsetStore, hangs: Hangs
    ) -> None:
        fill(log, 1)
        runner = Runner(log, offsets, hangs, timeout=0.05)
        for call in (runner.apply_since, runner.apply_since, lambda: runner.apply_batch([])):
            with pytest.raises(TimedOut):
                call()
        assert Runner(log, offsets, Folded(), timeout=60).apply_since() == Applied(1, at(0))

    @pytest.mark.parametrize("timeout", [0, -0.5])
    def test_a_timeout_that_is_not_positive_is_misconfigured(
        self, timeout: float, log: MemoryEventLog, offsets: OffsetStore
    ) -> None:
        with pytest.raises(Misconfigured, match="timeout"):
            Runner(log, offsets, Folded(), timeout=timeout)


class TestCancelling:
    def test_a_cancelled_call_stops_before_its_next_batch_and_what_was_committed_stays(
        self, log: MemoryEventLog, offsets: OffsetStore
    ) -> None:
        class CancelledMeanwhile(Folded):
            def apply(self, batch: Batch) -> None:
                thread = threading.Thread(target=runner.cancel)
                thread.start()
                thread.join()
                super().apply(batch)

        fill(log, 1, 2, 3)
        runner = Runner(log, offsets, CancelledMeanwhile(), batch_size=2)
        with pytest.raises(Cancelled) as cancelled:
            runner.apply_since()
        assert cancelled.value.applied == 2
        assert stored(offsets) == at(1)

    def test_like_a_context_it_stays_cancelled(
        self, log: MemoryEventLog, offsets: OffsetStore
    ) -> None:
        events = fill(log, 1)
        runner = Runner(log, offsets, Folded())
        runner.cancel()
        for call in (runner.apply_since, lambda: runner.apply_batch(events), runner.apply_since):
            with pytest.raises(Cancelled):
                call()
        assert offsets.get("folded", EVENTS) is None


class TestConstants:
    def test_error_types(self) -> None:
        assert {kind.name: str(kind) for kind in ErrorType} == {
            "APPLY": "apply_error",
            "OFFSET": "offset_error",
            "LOAD": "load_error",
            "TIMEOUT": "timeout_error",
            "CONTEXT": "context_error",
        }

    def test_operations(self) -> None:
        assert {operation.name: str(operation) for operation in Operation} == {
            "APPLY_SINCE": "apply_since",
            "APPLY_BATCH": "apply_batch",
        }

    def test_they_are_names_of_the_metrics_too(self) -> None:
        assert default.ErrorType is ErrorType
        assert default.Operation is Operation


class Unreadable(MemoryEventLog):
    """A log that raises where it is read."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def read(self, partition: Partition, after: Offset | None, limit: int) -> Sequence[Event]:
        raise self._error


LOAD_ERRORS: dict[str, Callable[[], Exception]] = {
    "the log is out of reach": lambda: Transient("away"),
    "the log lost what comes next": lambda: OffsetLost("trimmed"),
    "the next event cannot be decoded": lambda: Undecodable(EVENTS, at(0), "no JSON"),
    "the log breaks its promises": lambda: KeyError("x"),
}
APPLY_ERRORS: dict[str, Callable[[], Exception]] = {
    "the projector fails": lambda: RuntimeError("x"),
    "the projector's table is out of reach": lambda: Transient("away"),
    "the projector raises a timeout of its own": lambda: TimeoutError("x"),
    "the read model refuses our epoch": lambda: Fenced("x"),
}


#: Events that a hook gives. The log has the first too, where it has one at all; of what lies before the second
#: only the log can tell.
GIVEN = Event("id", "Counted", "", EVENTS, at(0), b"1")
LATER = Event("id", "Counted", "", EVENTS, at(1), b"1")


def errors_of(metrics: ProjectionMetrics) -> dict[str, float]:
    """Counted errors by their type, without those that never came."""
    counted = metrics.get_projection_metrics("folded").items()
    return {
        series.partition('error_type="')[2].partition('"')[0]: value
        for series, value in counted
        if series.startswith("projection_errors_total") and value
    }


#: Whether a call raises so, and is counted as one error of this type.
Counts = Callable[..., None]


class TestErrorTypes:
    @pytest.fixture(params=list(Operation))
    def counts(self, request: pytest.FixtureRequest, metrics: ProjectionMetrics) -> Counts:
        operation: Operation = request.param

        def check(
            runner: Runner, kind: ErrorType, raises: type[BaseException], given: Event = GIVEN
        ) -> None:
            calls: dict[Operation, Callable[[], object]] = {
                Operation.APPLY_SINCE: runner.apply_since,
                Operation.APPLY_BATCH: lambda: runner.apply_batch([given]),
            }
            with pytest.raises(raises):
                calls[operation]()
            assert errors_of(metrics) == {kind: 1}
            values = metrics.get_projection_metrics("folded")
            label = f'operation="{operation}"'
            assert values[f'projection_errors_total{{error_type="{kind}",{label}}}'] == 1
            assert values[f'projection_operations_total{{{label},status="error"}}'] == 1

        return check

    @pytest.fixture
    def runner(
        self, log: MemoryEventLog, offsets: OffsetStore, metrics: ProjectionMetrics
    ) -> Callable[..., Runner]:
        """Makes runners that count, with one event to apply."""
        fill(log, 1)

        def make(projector: Folded | None = None, **options: Any) -> Runner:
            parts = {"event_log": log, "offsets": offsets, **options}
            return Runner(projector=projector or Folded(), metrics=metrics, **parts)

        return make

    @pytest.mark.parametrize("how", LOAD_ERRORS)
    def test_load_error(self, how: str, runner: Callable[..., Runner], counts: Counts) -> None:
        error = LOAD_ERRORS[how]()
        counts(runner(event_log=Unreadable(error)), ErrorType.LOAD, type(error), LATER)

    def test_load_error_where_only_the_projector_finds_out_that_the_data_is_bad(
        self, runner: Callable[..., Runner], counts: Counts
    ) -> None:
        log = MemoryEventLog()
        log.append("Counted", "two")
        counts(runner(FailsAt(2), event_log=log), ErrorType.LOAD, Undecodable)

    @pytest.mark.parametrize("how", APPLY_ERRORS)
    def test_apply_error(self, how: str, runner: Callable[..., Runner], counts: Counts) -> None:
        counts(runner(Folded(APPLY_ERRORS[how]())), ErrorType.APPLY, ConsumerError)

    def test_offset_error_where_the_store_is_out_of_reach_after_an_apply(
        self, runner: Callable[..., Runner], offsets: OffsetStore, counts: Counts
    ) -> None:
        counts(runner(offsets=Forgetful(offsets)), ErrorType.OFFSET, Transient)

    def test_offset_error_where_the_partition_cannot_be_claimed(
        self, runner: Callable[..., Runner], offsets: OffsetStore, counts: Counts
    ) -> None:
        offsets.close()
        counts(runner(), ErrorType.OFFSET, Closed)

    def test_offset_error_where_another_took_over_meanwhile(
        self,
        runner: Callable[..., Runner],
        log: MemoryEventLog,
        offsets: OffsetStore,
        counts: Counts,
    ) -> None:
        class TakenOver(Folded):
            def apply(self, batch: Batch) -> None:
                offsets.claim("folded", EVENTS, owner="other", log=log.identity(EVENTS))

        counts(runner(TakenOver()), ErrorType.OFFSET, Fenced)

    def test_timeout_error(
        self, runner: Callable[..., Runner], hangs: Hangs, counts: Counts
    ) -> None:
        counts(runner(hangs, timeout=0.05), ErrorType.TIMEOUT, TimedOut)

    def test_context_error(self, runner: Callable[..., Runner], counts: Counts) -> None:
        cancelled = runner()
        cancelled.cancel()
        counts(cancelled, ErrorType.CONTEXT, Cancelled)

    def test_context_error_where_ctrl_c_ends_the_call(
        self, runner: Callable[..., Runner], counts: Counts
    ) -> None:
        class Interrupted(Folded):
            def apply(self, batch: Batch) -> None:
                raise KeyboardInterrupt

        counts(runner(Interrupted()), ErrorType.CONTEXT, KeyboardInterrupt)


def value(metrics: ProjectionMetrics, name: str, **labels: str) -> float | None:
    """What the registry gives to a scrape."""
    return metrics.registry.get_sample_value(name, {"service": "shop", **labels})


class TestProjectionMetrics:
    def test_an_operation_counts_its_events_its_time_and_its_batch(
        self, metrics: ProjectionMetrics
    ) -> None:
        metrics.record_projection_operation("orders", Operation.APPLY_SINCE, 0.25, True, 40)
        labels = {"projection": "orders", "operation": "apply_since"}
        assert value(metrics, "projection_operations_total", **labels, status="success") == 1
        assert value(metrics, "projection_events_processed_total", **labels) == 40
        assert value(metrics, "projection_operation_duration_seconds_sum", **labels) == 0.25
        assert value(metrics, "projection_operation_duration_seconds_count", **labels) == 1
        assert value(metrics, "projection_batch_size_sum", projection="orders") == 40

    def test_a_success_sets_health_1_and_the_time_of_the_last_success(
        self, metrics: ProjectionMetrics
    ) -> None:
        metrics.set_projection_health("orders", False)
        metrics.record_projection_operation("orders", "apply_batch", 0.1, True, 1)
        assert value(metrics, "projection_health", projection="orders") == 1
        at_last = value(
            metrics,
            "projection_last_success_timestamp_seconds",
            projection="orders",
            operation="apply_batch",
        )
        assert at_last is not None
        assert at_last > 1_700_000_000

    def test_an_error_sets_health_0_and_no_time_of_success(
        self, metrics: ProjectionMetrics
    ) -> None:
        metrics.record_projection_operation("orders", "apply_since", 0.1, False, 0)
        metrics.record_projection_error("orders", "apply_since", ErrorType.LOAD)
        labels = {"projection": "orders", "operation": "apply_since"}
        assert value(metrics, "projection_health", projection="orders") == 0
        assert value(metrics, "projection_operations_total", **labels, status="error") == 1
        assert value(metrics, "projection_errors_total", **labels, error_type="load_error") == 1
        assert value(metrics, "projection_last_success_timestamp_seconds", **labels) is None

    def test_an_error_alone_sets_health_0(self, metrics: ProjectionMetrics) -> None:
        metrics.set_projection_health("orders", True)
        metrics.record_projection_error("orders", "apply_since", ErrorType.TIMEOUT)
        assert value(metrics, "projection_health", projection="orders") == 0

    def test_lag_is_what_it_was_updated_to(self, metrics: ProjectionMetrics) -> None:
        metrics.update_projection_lag("orders", 12.5)
        assert value(metrics, "projection_lag_seconds", projection="orders") == 12.5
        metrics.update_projection_lag("orders", 0)
        assert value(metrics, "projection_lag_seconds", projection="orders") == 0

    def test_durations_fall_into_buckets_from_1_ms_to_10_s(
        self, metrics: ProjectionMetrics
    ) -> None:
        metrics.record_projection_operation("orders", "apply_since", 0.0005, True, 1)
        metrics.record_projection_operation("orders", "apply_since", 11, True, 1)
        counts = buckets(metrics, "projection_operation_duration_seconds_bucket")
        assert (min(counts), sorted(counts)[-2]) == (0.001, 10)
        assert (counts[0.001], counts[10], counts[float("inf")]) == (1, 1, 2)

    def test_batch_sizes_fall_into_buckets_from_1_to_2000_and_above(
        self, metrics: ProjectionMetrics
    ) -> None:
        metrics.record_projection_operation("orders", "apply_since", 1, True, 1)
        metrics.record_projection_operation("orders", "apply_since", 1, True, 2001)
        counts = buckets(metrics, "projection_batch_size_bucket")
        assert (min(counts), sorted(counts)[-2]) == (1, 2000)
        assert (counts[1], counts[2000], counts[float("inf")]) == (1, 1, 2)

    def test_every_series_has_the_service_and_the_labels_that_were_given(self) -> None:
        metrics = ProjectionMetrics("shop", labels={"region": "eu"})
        metrics.record_projection_operation("orders", "apply_since", 1, True, 1)
        samples = [sample for family in metrics.registry.collect() for sample in family.samples]
        assert {(s.labels["service"], s.labels["region"]) for s in samples} == {("shop", "eu")}

    def test_the_registry_is_the_one_that_was_given(self) -> None:
        registry = CollectorRegistry()
        assert ProjectionMetrics("shop", registry=registry).registry is registry

    def test_two_instances_on_two_registries_do_not_meet(self) -> None:
        one, two = ProjectionMetrics("shop"), ProjectionMetrics("shop")
        one.set_projection_health("orders", True)
        assert value(one, "projection_health", projection="orders") == 1
        assert value(two, "projection_health", projection="orders") is None

    def test_get_projection_metrics_gives_the_real_values(self, metrics: ProjectionMetrics) -> None:
        metrics.record_projection_operation("orders", "apply_since", 0.5, True, 7)
        metrics.update_projection_lag("orders", 3)
        metrics.update_projection_lag("customers", 99)
        values = metrics.get_projection_metrics("orders")
        assert values['projection_events_processed_total{operation="apply_since"}'] == 7
        assert values["projection_lag_seconds"] == 3
        assert metrics.get_projection_metrics("nobody") == {}

    def test_reset_projection_metrics_removes_that_projections_series_only(
        self, metrics: ProjectionMetrics
    ) -> None:
        for projection in ("orders", "orders@2"):
            metrics.record_projection_operation(projection, "apply_since", 0.5, True, 7)
        kept = metrics.get_projection_metrics("orders@2")
        metrics.reset_projection_metrics("orders")
        assert metrics.get_projection_metrics("orders") == {}
        assert metrics.get_projection_metrics("orders@2") == kept
        metrics.record_projection_operation("orders", "apply_since", 0.5, True, 1)
        labels = {"projection": "orders", "operation": "apply_since"}
        assert value(metrics, "projection_events_processed_total", **labels) == 1


def buckets(metrics: ProjectionMetrics, name: str) -> dict[float, float]:
    return {
        float(sample.labels["le"]): sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == name
    }


class TestDefaultMetrics:
    @pytest.fixture(autouse=True)
    def no_default(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(default, "_default", None)

    @pytest.fixture
    def every(self) -> Sequence[Callable[[], None]]:
        return [
            lambda: default.record_applied("orders", 5, 0.5, Operation.APPLY_BATCH),
            lambda: default.update_lag("orders", 4.5),
            lambda: default.record_error("orders", ErrorType.OFFSET),
            lambda: default.set_health("orders", True),
        ]

    def test_before_init_the_functions_do_nothing(
        self, every: Sequence[Callable[[], None]]
    ) -> None:
        for function in every:
            function()
        assert default.get_default() is None

    def test_after_init_they_count_in_the_default(
        self, every: Sequence[Callable[[], None]]
    ) -> None:
        default.init_default("shop", registry=CollectorRegistry())
        metrics = default.get_default()
        assert metrics is not None
        for function in every:
            function()
        values = metrics.get_projection_metrics("orders")
        assert values['projection_events_processed_total{operation="apply_batch"}'] == 5
        assert values["projection_lag_seconds"] == 4.5
        assert (
            values['projection_errors_total{error_type="offset_error",operation="apply_since"}']
            == 1
        )
        assert values["projection_health"] == 1

    def test_init_takes_labels_and_a_registry(self) -> None:
        registry = CollectorRegistry()
        default.init_default("shop", labels={"region": "eu"}, registry=registry)
        default.set_health("orders", False)
        labels = {"service": "shop", "region": "eu", "projection": "orders"}
        assert registry.get_sample_value("projection_health", labels) == 0

    def test_init_once_more_replaces_the_default_on_its_registry(self) -> None:
        registry = CollectorRegistry()
        default.init_default("shop", registry=registry)
        default.set_health("orders", False)
        default.init_default("store", registry=registry)
        default.set_health("orders", True)
        labels = {"projection": "orders"}
        assert registry.get_sample_value("projection_health", {"service": "shop"} | labels) is None
        assert registry.get_sample_value("projection_health", {"service": "store"} | labels) == 1


class TestARunnersMetrics:
    def test_each_call_is_one_operation_under_its_own_name(
        self, log: MemoryEventLog, offsets: OffsetStore, metrics: ProjectionMetrics
    ) -> None:
        runner = Runner(log, offsets, Folded(), batch_size=2, metrics=metrics)
        fill(log, 1, 2, 3)
        runner.apply_since()
        runner.apply_batch(fill(log, 4))
        values = metrics.get_projection_metrics("folded")
        for operation, events in ((Operation.APPLY_SINCE, 3), (Operation.APPLY_BATCH, 1)):
            label = f'operation="{operation}"'
            assert values[f'projection_operations_total{{{label},status="success"}}'] == 1
            assert values[f"projection_events_processed_total{{{label}}}"] == events
            assert values[f"projection_operation_duration_seconds_count{{{label}}}"] == 1
        assert values["projection_health"] == 1
        assert errors_of(metrics) == {}

    def test_a_call_that_failed_counts_what_it_applied_before(
        self, log: MemoryEventLog, offsets: OffsetStore, metrics: ProjectionMetrics
    ) -> None:
        fill(log, *range(5))
        with pytest.raises(ApplyFailed):
            Runner(log, offsets, FailsAt(4), batch_size=2, metrics=metrics).apply_since()
        values = metrics.get_projection_metrics("folded")
        assert values['projection_events_processed_total{operation="apply_since"}'] == 4
        assert values["projection_health"] == 0

    def test_its_counters_are_there_at_0_before_the_first_call(
        self, log: MemoryEventLog, offsets: OffsetStore, metrics: ProjectionMetrics
    ) -> None:
        Runner(log, offsets, Folded(), metrics=metrics)
        values = metrics.get_projection_metrics("folded")
        assert set(values.values()) == {0}
        for operation in Operation:
            label = f'operation="{operation}"'
            for status in ("success", "error"):
                assert f'projection_operations_total{{{label},status="{status}"}}' in values
            for error_type in ErrorType:
                assert f'projection_errors_total{{error_type="{error_type}",{label}}}' in values
            assert f"projection_events_processed_total{{{label}}}" in values

    def test_events_that_the_projector_was_not_given_are_not_counted(
        self, log: MemoryEventLog, offsets: OffsetStore, metrics: ProjectionMetrics
    ) -> None:
        folded = Folded()
        folded.handles = {"Other"}
        fill(log, *range(5))
        assert Runner(log, offsets, folded, metrics=metrics).apply_since().count == 5
        values = metrics.get_projection_metrics("folded")
        assert values['projection_events_processed_total{operation="apply_since"}'] == 0
        assert values["projection_batch_size_count"] == 0

    def test_a_runner_without_metrics_counts_nowhere(
        self, log: MemoryEventLog, offsets: OffsetStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(default, "_default", ProjectionMetrics("shop"))
        fill(log, 1)
        Runner(log, offsets, Folded()).apply_since()
        metrics = default.get_default()
        assert metrics is not None
        assert metrics.get_projection_metrics("folded") == {}


class TestVersion:
    def test_offsets_of_one_kind_are_totally_ordered(self) -> None:
        assert sorted([at(10), at(9), at(-1)]) == [at(-1), at(9), at(10)]
        assert StreamOffset(5, 9) < StreamOffset(5, 10) < StreamOffset(10, 0)

    @pytest.mark.parametrize("text", ["-1", "0", "41", "0-0", "1526919030474-55"])
    def test_str_and_parse_are_each_others_inverse(self, text: str) -> None:
        assert str(Offset.parse(text)) == text

    def test_what_is_no_version_is_refused(self) -> None:
        for text in ("", "x", "-2", "1.5"):
            with pytest.raises(ValueError):
                Offset.parse(text)

    def test_zero_is_before_the_first_event(self) -> None:
        assert at(-1).is_zero
        assert StreamOffset(0, 0).is_zero
        assert not at(0).is_zero
        assert at(7).zero == at(-1)

    def test_comparing_offsets_of_two_kinds_is_an_error_and_never_an_order(self) -> None:
        integer: Any = at(1)
        with pytest.raises(TypeError):
            assert integer < StreamOffset(1, 0)
        with pytest.raises(TypeError):
            assert integer >= StreamOffset(1, 0)
        assert integer != StreamOffset(1, 0)

    @pytest.mark.parametrize("offset", [at(2**62), StreamOffset(2**63, 2**63)])
    def test_a_store_gives_back_the_version_that_was_set(
        self, offset: Offset, store: OffsetStore
    ) -> None:
        claim = store.claim("orders", EVENTS, owner="me", log=LOG)
        store.commit(claim, None, offset)
        assert stored(store, "orders") == offset


def vector(*values: int) -> Offsets:
    return Offsets({Partition("orders", i): at(value) for i, value in enumerate(values)})


class TestVectorOfVersions:
    def test_a_vector_is_at_most_another_where_every_partition_is(self) -> None:
        assert vector(1, 2) <= vector(1, 2)
        assert vector(1, 2) < vector(1, 3)
        assert not vector(2, 2) <= vector(1, 3)

    def test_of_two_vectors_neither_may_be_at_most_the_other(self) -> None:
        assert not vector(0, 1) <= vector(1, 0)
        assert not vector(1, 0) <= vector(0, 1)

    def test_a_partition_that_is_missing_is_at_its_zero(self) -> None:
        assert vector(5) <= vector(5, 0)
        assert not vector(5, 0) <= vector(5)

    def test_str_and_parse_are_each_others_inverse(self) -> None:
        text = "orders/0=41,orders/1=7"
        assert str(Offsets.parse(text)) == text
        assert Offsets.parse(text) == vector(41, 7)
        assert Offsets.parse("") == Offsets({})

    def test_zero_is_before_every_event_of_every_partition(self) -> None:
        assert Offsets({}).is_zero
        assert vector(-1, -1).is_zero
        assert not vector(-1, 0).is_zero
        assert vector(4, 5).zero <= vector(0, 0)

    def test_comparing_vectors_of_two_kinds_is_an_error_and_never_an_order(self) -> None:
        streams = Offsets({Partition("orders", 0): StreamOffset(1, 0)})
        with pytest.raises(TypeError, match="no order"):
            assert vector(1) <= streams
        assert vector(1) != streams
