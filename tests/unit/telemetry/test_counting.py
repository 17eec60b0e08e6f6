"""What is counted of each fact, and that nothing outlives the partition that it is about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

from consumer.adapters.memory.offset_store import MemoryOffsetStore
from consumer.errors import (
    ApplyFailed,
    Fenced,
    NoUpcaster,
    OffsetLost,
    Poison,
    SequenceGap,
    SourceFailed,
    Transient,
    Undecodable,
)
from consumer.model.event import Batch
from consumer.model.facts import (
    Applied,
    Began,
    Claimed,
    Delayed,
    Dropped,
    Duplicated,
    Fact,
    Gapped,
    Halted,
    Joined,
    Lagged,
    Left,
    Lost,
    Rejoining,
    Resumed,
    Revoked,
    Skipped,
    Started,
    Stopped,
    Unclaimed,
    Unmeasured,
    Unmirrored,
    Waiting,
)
from consumer.model.lag import NO_LAG, Lag
from consumer.model.operations import ErrorType
from consumer.model.position import IntOffset, LogIdentity, Offset, Partition, StreamOffset
from consumer.model.start import BEGINNING
from consumer.telemetry.counting import Counting
from consumer.telemetry.metrics import ProjectionMetrics
from tests.doubles import Engine, Folded, ScriptedSource

ONE, TWO = Partition("orders", 1), Partition("orders", 2)
AT = IntOffset(41)


class Counted:
    """A projection's metrics, after some facts."""

    def __init__(self) -> None:
        self.metrics = ProjectionMetrics("shop")
        self.counting = Counting(self.metrics, "customers")

    def after(self, *facts: Fact) -> Counted:
        for fact in facts:
            self.counting.happened(fact)
        return self

    def __getitem__(self, series: str) -> float | None:
        return self.series().get(f"projection_{series}")

    def series(self) -> dict[str, float]:
        return self.metrics.get_projection_metrics("customers")

    def of_partitions(self) -> set[str]:
        return {name for name in self.series() if "topic=" in name}


@pytest.fixture
def counted() -> Counted:
    return Counted()


def claimed(partition: Partition = ONE, offset: Offset = AT, epoch: int = 7) -> Claimed:
    return Claimed(partition, epoch, offset)


def applied(events: int = 480, offset: Offset = AT, partition: Partition = ONE) -> Applied:
    return Applied(partition, 7, events, 500, offset, 0.3, 0.25, 0.004)


def waiting(
    attempt: int = 1, error_type: ErrorType = ErrorType.APPLY, partition: Partition = ONE
) -> Waiting:
    return Waiting(partition, 7, AT, attempt, 0.1, Transient("away"), error_type, 0.5)


def halted(cause: Exception, partition: Partition = ONE) -> Halted:
    return Halted(partition, 7, AT, cause)


def poison(kind: type[Poison]) -> Poison:
    return kind(ONE, AT, "no event")


def place(partition: Partition) -> str:
    return f'{{partition="{partition.number}",topic="{partition.topic}"}}'


def behind(seconds: float, events: int = 5) -> Lag:
    return Lag(events, datetime.now(UTC) - timedelta(seconds=seconds))


def test_counters_are_there_at_0_before_anything_happens(counted: Counted) -> None:
    at_0 = {name for name, value in counted.series().items() if value == 0}
    assert at_0 == set(counted.series())
    described = counted.metrics.described()
    # Only what would be a guess is not there: the last success, the lag, the health.
    absent = {
        each.name
        for each in described
        if "topic" not in each.labels and not any(name.startswith(each.name) for name in at_0)
    }
    assert absent == {
        "projection_last_success_timestamp_seconds",
        "projection_lag_seconds",
        "projection_health",
    }
    for error_type in ErrorType:
        labels = f'{{error_type="{error_type}",operation="apply_since"}}'
        assert counted[f"errors_total{labels}"] == 0
    for series in (
        'operations_total{operation="apply_since",status="error"}',
        'rebalances_total{kind="claimed"}',
        'rebalances_total{kind="revoked"}',
        'rebalances_total{kind="lost"}',
        'retries_total{reason="apply_error"}',
        'retries_total{reason="offset_error"}',
        'retries_total{reason="load_error"}',
        'rejoins_total{reason="fenced"}',
        'rejoins_total{reason="source_failed"}',
    ):
        assert counted[series] == 0


def test_a_batch_is_an_operation_apply_since(counted: Counted) -> None:
    counted.after(claimed(), applied(480), applied(20))
    assert counted['operations_total{operation="apply_since",status="success"}'] == 2
    assert counted['events_processed_total{operation="apply_since"}'] == 500
    assert counted['operation_duration_seconds_sum{operation="apply_since"}'] == 0.6
    assert counted["batch_size_count"] == 2
    assert counted["apply_duration_seconds_sum"] == 0.5
    assert counted["commit_duration_seconds_sum"] == 0.008
    assert counted["health"] == 1


def test_a_batch_without_events_for_the_projector_has_a_commit_but_no_apply(
    counted: Counted,
) -> None:
    counted.after(claimed(), applied(0))
    assert counted["apply_duration_seconds_count"] == 0
    assert counted["commit_duration_seconds_count"] == 1


def test_a_claimed_partition_shows_its_offset_and_epoch(counted: Counted) -> None:
    counted.after(claimed(ONE, epoch=7), claimed(TWO, IntOffset(-1), epoch=3))
    assert counted[f"partition_epoch{place(ONE)}"] == 7
    assert counted[f"partition_offset{place(ONE)}"] == 41
    assert counted[f"partition_offset{place(TWO)}"] == -1
    assert counted["assigned_partitions"] == 2
    assert counted['rebalances_total{kind="claimed"}'] == 2

    counted.after(applied(offset=IntOffset(99)))
    assert counted[f"partition_offset{place(ONE)}"] == 99


def test_the_offset_of_a_redis_stream_is_its_milliseconds(counted: Counted) -> None:
    counted.after(claimed(), applied(offset=StreamOffset(1526919030474, 55)))
    assert counted[f"partition_offset{place(ONE)}"] == 1526919030474


def test_lag_is_shown_by_partition_and_the_largest_for_the_projection(counted: Counted) -> None:
    counted.after(claimed(ONE), claimed(TWO), Lagged({ONE: behind(100, 12), TWO: NO_LAG}))
    assert counted[f"partition_lag_events{place(ONE)}"] == 12
    assert counted[f"partition_lag_seconds{place(ONE)}"] == pytest.approx(100, abs=30)
    assert counted[f"partition_lag_events{place(TWO)}"] == 0
    assert counted[f"partition_lag_seconds{place(TWO)}"] == 0
    assert counted["lag_seconds"] == counted[f"partition_lag_seconds{place(ONE)}"]

    counted.after(Lagged({ONE: NO_LAG, TWO: NO_LAG}))
    assert counted["lag_seconds"] == 0


def test_a_worker_without_partitions_tells_no_lag_and_fails_at_none(counted: Counted) -> None:
    counted.after(Joined(), Lagged({}))
    assert counted["lag_seconds"] is None
    assert counted["lag_failures_total"] == 0


def test_a_lag_of_0_is_told_only_once_all_partitions_were_measured(counted: Counted) -> None:
    counted.after(Joined(), claimed(ONE), Lagged({ONE: NO_LAG}))
    assert counted["lag_seconds"] == 0
    counted.after(claimed(TWO))
    assert counted["lag_seconds"] is None
    counted.after(Lagged({ONE: NO_LAG}))
    assert counted["lag_seconds"] is None
    counted.after(Lagged({ONE: NO_LAG, TWO: NO_LAG}))
    assert counted["lag_seconds"] == 0


def test_the_largest_lag_known_is_told_while_another_partition_is_unmeasured(
    counted: Counted,
) -> None:
    counted.after(Joined(), claimed(ONE), Lagged({ONE: behind(900)}), claimed(TWO))
    assert counted["lag_seconds"] == pytest.approx(900, abs=30)


def test_who_is_not_counted_in_tells_no_lag_of_0(counted: Counted) -> None:
    counted.after(Joined(), claimed(), Lagged({ONE: NO_LAG}), Left())
    assert counted["lag_seconds"] is None
    counted.after(Lagged({ONE: NO_LAG}))
    assert counted["lag_seconds"] is None
    counted.after(Lagged({ONE: behind(900)}))
    assert counted["lag_seconds"] == pytest.approx(900, abs=30)
    counted.after(Lagged({ONE: NO_LAG}), Joined())
    assert counted["lag_seconds"] == 0


def test_before_the_first_look_the_lag_is_not_guessed(counted: Counted) -> None:
    counted.after(claimed(), applied())
    assert counted["lag_seconds"] is None
    assert counted[f"partition_lag_events{place(ONE)}"] is None
    counted.after(Revoked(ONE, 7, AT))
    assert counted["lag_seconds"] is None


def test_a_lag_that_cannot_be_told_any_more_stays_as_it_was_and_counts_as_a_failure(
    counted: Counted,
) -> None:
    counted.after(claimed(ONE), claimed(TWO), Lagged({ONE: behind(50), TWO: behind(10)}))
    assert counted["lag_failures_total"] == 0
    counted.after(Lagged({TWO: behind(10)}))
    assert counted[f"partition_lag_events{place(ONE)}"] == 5
    assert counted["lag_seconds"] == pytest.approx(50, abs=5)
    assert counted["lag_failures_total"] == 1
    counted.after(Lagged({}))
    assert counted["lag_seconds"] == pytest.approx(50, abs=5)
    assert counted["lag_failures_total"] == 2


def test_partitions_that_were_never_measured_show_no_lag_and_count_as_a_failure(
    counted: Counted,
) -> None:
    counted.after(Joined(), claimed(), Lagged({}))
    assert counted["lag_seconds"] is None
    assert counted["lag_failures_total"] == 1


@pytest.mark.parametrize("end", [Revoked(ONE, 7, AT), Lost(ONE, 7, AT)], ids=["revoked", "lost"])
def test_the_series_of_a_partition_go_with_it_and_a_late_lag_does_not_bring_them_back(
    counted: Counted, end: Revoked | Lost
) -> None:
    late = Lagged({ONE: behind(900), TWO: behind(10)})
    counted.after(claimed(ONE), claimed(TWO), late, waiting())
    assert len(counted.of_partitions()) == 8

    counted.after(end)
    assert counted.of_partitions() == {
        f"projection_partition_{what}{place(TWO)}"
        for what in ("lag_events", "lag_seconds", "offset", "epoch")
    }
    assert counted["assigned_partitions"] == 1
    assert counted["waiting_partitions"] == 0
    assert counted["lag_seconds"] == pytest.approx(10, abs=5)
    assert counted[f'rebalances_total{{kind="{type(end).__name__.lower()}"}}'] == 1

    counted.after(late, applied())
    assert len(counted.of_partitions()) == 4
    assert counted["lag_seconds"] == pytest.approx(10, abs=5)


@pytest.mark.parametrize(
    "end",
    [Rejoining(0.1, Fenced("x")), Rejoining(0.1, SourceFailed("x")), Stopped()],
    ids=["fenced", "source failed", "stopped"],
)
def test_nothing_of_a_partition_outlives_the_membership(counted: Counted, end: Fact) -> None:
    late = Lagged({ONE: behind(900)})
    counted.after(claimed(ONE), claimed(TWO), late, waiting(), halted(OffsetLost("x"), TWO))
    counted.after(end, late)
    assert counted.of_partitions() == set()
    for series in ("assigned_partitions", "waiting_partitions", "halted_partitions"):
        assert counted[series] == 0
    assert counted["lag_seconds"] is None


def test_a_partition_that_comes_back_is_shown_anew(counted: Counted) -> None:
    counted.after(claimed(), Lagged({ONE: behind(9)}), Revoked(ONE, 7, AT))
    counted.after(claimed(offset=IntOffset(50), epoch=9))
    assert counted[f"partition_epoch{place(ONE)}"] == 9
    assert counted[f"partition_offset{place(ONE)}"] == 50
    assert counted[f"partition_lag_seconds{place(ONE)}"] is None


def test_a_batch_that_fails_is_an_error_once_an_attempt_and_a_wait_once(counted: Counted) -> None:
    counted.after(claimed(), waiting(1), waiting(2), waiting(3, ErrorType.OFFSET))
    apply_errors = 'errors_total{error_type="apply_error",operation="apply_since"}'
    assert counted[apply_errors] == 2
    assert counted['errors_total{error_type="offset_error",operation="apply_since"}'] == 1
    assert counted['operations_total{operation="apply_since",status="error"}'] == 3
    assert counted['operation_duration_seconds_sum{operation="apply_since"}'] == 1.5
    assert counted['retries_total{reason="apply_error"}'] == 2
    assert counted['retries_total{reason="offset_error"}'] == 1
    assert counted["waits_total"] == 1
    assert counted["waiting_partitions"] == 1
    assert counted["health"] == 0

    counted.after(applied(), Resumed(ONE, 7, 4))
    assert counted["waiting_partitions"] == 0
    assert counted["health"] == 1


def test_what_is_dropped_waits_no_more(counted: Counted) -> None:
    counted.after(claimed(), waiting(), Dropped(ONE, 5))
    assert counted["waiting_partitions"] == 0


@pytest.mark.parametrize(
    ("cause", "error_type", "decode_errors"),
    [
        (poison(Undecodable), "load_error", 1),
        (poison(NoUpcaster), "load_error", 1),
        (OffsetLost("trimmed"), "offset_error", 0),
    ],
    ids=["undecodable", "no upcaster", "offset lost"],
)
def test_a_halt_is_an_error_and_a_partition_that_stands(
    counted: Counted, cause: Exception, error_type: str, decode_errors: int
) -> None:
    counted.after(claimed(ONE), claimed(TWO), waiting(), halted(cause))
    assert counted["halted_partitions"] == 1
    assert counted["waiting_partitions"] == 0
    assert counted["decode_errors_total"] == decode_errors
    errors = f'errors_total{{error_type="{error_type}",operation="apply_since"}}'
    assert counted[errors] == (1 if error_type != "apply_error" else 2)
    counted.after(Revoked(ONE, 7, AT))
    assert counted["halted_partitions"] == 0


def test_a_partition_that_halts_before_it_could_be_claimed_counts_too(counted: Counted) -> None:
    counted.after(Halted(ONE, None, None, OffsetLost("another log")))
    assert counted["halted_partitions"] == 1
    assert counted["assigned_partitions"] == 0


@pytest.mark.parametrize("end", ["revoked", "lost"])
def test_a_partition_that_could_not_be_claimed_stands_here_until_it_goes(
    counted: Counted, end: str
) -> None:
    offsets = MemoryOffsetStore()
    offsets.claim("folded", ONE, owner="me", log=LogIdentity("old", 3))
    engine = Engine(ScriptedSource(ONE), offsets, Folded())
    engine.seen.happened = counted.counting.happened  # type: ignore[method-assign]  # as it happens

    engine.assignments.claim(ONE, LogIdentity("new", 3), lambda _: AT)
    assert counted["halted_partitions"] == 1

    getattr(engine.assignments, end)([ONE, TWO])
    assert counted["halted_partitions"] == 0
    assert counted[f'rebalances_total{{kind="{end}"}}'] == 0


def test_a_skipped_event_is_a_decode_error_and_no_failure(counted: Counted) -> None:
    counted.after(claimed(), applied(), Skipped(ONE, AT, poison(Undecodable)))
    assert counted["skipped_events_total"] == 1
    assert counted["decode_errors_total"] == 1
    assert counted["health"] == 1
    counted.after(Skipped(ONE, AT, poison(ApplyFailed)))
    assert counted["skipped_events_total"] == 2
    assert counted["decode_errors_total"] == 1


def test_duplicates_and_gaps_are_counted_by_events(counted: Counted) -> None:
    assert counted["duplicate_events_total"] == counted["sequence_gaps_total"] == 0
    counted.after(Duplicated(ONE, 3), Gapped(ONE, 2, AT, 5, 3), Duplicated(ONE, 1))
    assert counted["duplicate_events_total"] == 4
    assert counted["sequence_gaps_total"] == 2
    counted.after(halted(SequenceGap(ONE, AT, "its sequence is 7")))
    assert counted["sequence_gaps_total"] == 3
    assert counted["decode_errors_total"] == 0


def test_a_fenced_commit_and_a_failed_source_are_told_apart(counted: Counted) -> None:
    counted.after(Rejoining(0.1, Fenced("x")))
    assert counted["fenced_commits_total"] == 1
    assert counted['rejoins_total{reason="fenced"}'] == 1
    assert counted['errors_total{error_type="offset_error",operation="apply_since"}'] == 1
    assert counted["health"] == 0

    counted.after(Rejoining(0.1, SourceFailed("x")))
    assert counted["fenced_commits_total"] == 1
    assert counted['rejoins_total{reason="source_failed"}'] == 1
    assert counted['errors_total{error_type="load_error",operation="apply_since"}'] == 1


def test_who_joined_again_is_healthy_though_nothing_comes(counted: Counted) -> None:
    counted.after(Rejoining(0.1, Fenced("x")), Joined())
    assert counted["health"] == 1


@pytest.mark.parametrize(
    "trouble",
    [
        waiting(),
        Halted(ONE, 7, AT, OffsetLost("trimmed")),
        Halted(ONE, None, None, OffsetLost("another log")),
        Unclaimed(ONE, 0.1, Transient("x")),
    ],
    ids=["waiting", "halted", "halted before it was claimed", "unclaimed"],
)
def test_who_joins_while_a_partition_is_in_trouble_is_not_healthy_for_that(
    counted: Counted, trouble: Fact
) -> None:
    counted.after(trouble, Joined())
    assert counted["health"] == 0
    counted.after(Revoked(ONE, 7, AT), Left(), Joined())
    assert counted["health"] == 1


def test_who_is_not_counted_in_is_not_healthy_whatever_else_follows(counted: Counted) -> None:
    counted.after(Joined(), claimed(ONE), applied())
    assert counted["health"] == 1
    counted.after(Left())
    assert counted["health"] == 0
    counted.after(
        applied(), Resumed(ONE, 7, 2), claimed(TWO), Lagged({ONE: NO_LAG}), Revoked(ONE, 7, AT)
    )
    counted.after(Unclaimed(ONE, 0.1, Transient("x")), claimed(ONE))
    assert counted["health"] == 0
    assert counted['events_processed_total{operation="apply_since"}'] == 960
    counted.after(Joined())
    assert counted["health"] == 1


def test_a_partition_that_cannot_be_claimed_is_an_error_of_the_offset_store_that_is_repeated(
    counted: Counted,
) -> None:
    counted.after(Joined(), *[Unclaimed(ONE, 0.1, Transient("x"))] * 3)
    assert counted['errors_total{error_type="offset_error",operation="apply_since"}'] == 3
    assert counted['retries_total{reason="offset_error"}'] == 3
    assert counted["health"] == 0

    counted.after(claimed(TWO))
    assert counted["health"] == 0
    counted.after(claimed(ONE))
    assert counted["health"] == 1


@pytest.mark.parametrize(
    "ends",
    [
        [Left(), Joined()],
        [Rejoining(0.1, SourceFailed("x")), Joined()],
        [Revoked(ONE, None, None), Unclaimed(TWO, 0.1, Transient("x")), claimed(TWO)],
        [halted(OffsetLost("x")), Dropped(ONE, 1), Revoked(ONE, 7, AT), Joined()],
    ],
    ids=["left", "rejoining", "revoked", "halted"],
)
def test_a_partition_that_could_not_be_claimed_stands_in_no_ones_way_once_it_is_gone(
    counted: Counted, ends: list[Fact]
) -> None:
    counted.after(Joined(), Unclaimed(ONE, 0.1, Transient("x")))
    assert counted["health"] == 0
    counted.after(*ends)
    assert counted["health"] == 1


def test_a_start_that_waits_is_an_error_of_the_offset_store_that_is_repeated(
    counted: Counted,
) -> None:
    counted.after(*[Delayed(0.1, Transient("x"))] * 2)
    assert counted['errors_total{error_type="offset_error",operation="apply_since"}'] == 2
    assert counted['retries_total{reason="offset_error"}'] == 2
    assert counted["health"] == 0
    counted.after(Started("me"), Joined())
    assert counted["health"] == 1


def test_who_joins_again_is_healthy_and_tells_a_lag_of_0_only_once_it_is_counted_in(
    counted: Counted,
) -> None:
    counted.after(Joined(), claimed(), Rejoining(0.1, SourceFailed("x")))
    counted.after(claimed(), applied(), Lagged({ONE: NO_LAG}))
    assert counted["health"] == 0
    assert counted["lag_seconds"] is None
    counted.after(Joined())
    assert counted["health"] == 1
    assert counted["lag_seconds"] == 0


def test_what_could_not_be_shown_or_measured_is_counted_and_ends_no_health(
    counted: Counted,
) -> None:
    counted.after(Joined(), Unmirrored(Transient("x")), Unmeasured(Transient("x")))
    assert counted["mirror_failures_total"] == 1
    assert counted["lag_failures_total"] == 1
    assert counted["health"] == 1


def test_other_facts_count_nothing(counted: Counted) -> None:
    before = counted.series()
    began = Began(ONE, AT, BEGINNING)
    assert counted.after(Started("me"), began).series() == before


def test_a_reset_of_the_metrics_does_not_stop_the_counting(counted: Counted) -> None:
    counted.after(claimed(), applied())
    counted.metrics.reset_projection_metrics("customers")
    counted.after(applied())
    assert counted['events_processed_total{operation="apply_since"}'] == 480
    assert counted[f"partition_offset{place(ONE)}"] == 41


def test_two_projections_on_one_registry_do_not_meet(counted: Counted) -> None:
    other = Counting(counted.metrics, "invoices")
    counted.after(claimed(), applied())
    other.happened(claimed())
    other.happened(Stopped())
    assert counted["assigned_partitions"] == 1
    assert len(counted.of_partitions()) == 2


def test_prometheus_reads_both_formats_and_the_same_in_them(counted: Counted) -> None:
    counted.after(claimed(), applied(), Lagged({ONE: behind(3)}), waiting())
    registry = counted.metrics.registry
    as_text = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in plain(generate_latest(registry).decode())
        for sample in family.samples
    }
    families = list(openmetrics(generate_openmetrics(registry).decode()))
    as_openmetrics = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }
    assert as_text == as_openmetrics
    assert {
        family.name + ("_total" if family.type == "counter" else "") for family in families
    } == {each.name for each in counted.metrics.described()}
    assert not [name for name, _ in as_text if name.endswith("_created")]


def test_names_tell_their_unit_and_meanings_are_sentences(counted: Counted) -> None:
    for each in counted.metrics.described():
        assert each.name.startswith("projection_")
        assert each.name.endswith("_total") == (each.type == "counter")
        assert each.meaning.endswith(".")
        assert each.labels[0] == "projection"


# What the facts say is what a whole worker tells.


def run(counted: Counted, engine: Engine) -> None:
    for fact in engine.run().facts:
        counted.counting.happened(fact)


def test_a_worker_that_ran_has_counted_its_batches_and_holds_nothing(counted: Counted) -> None:
    source = ScriptedSource(ONE, TWO)
    source.add(ONE, 1, 2, 3, 4)
    source.add(TWO, 5)
    run(counted, Engine(source, MemoryOffsetStore(), Folded()))
    assert counted['events_processed_total{operation="apply_since"}'] == 5
    assert counted["commit_duration_seconds_count"] == 3
    assert counted['rebalances_total{kind="revoked"}'] == 2
    assert counted.of_partitions() == set()


class Refusing(MemoryOffsetStore):
    """A store that takes no commit behind the first offset, some times."""

    refusals = 2

    def commit(self, claim: object, expected: Offset | None, offset: Offset) -> None:
        if self.refusals and expected is not None:
            self.refusals -= 1
            raise Transient("Redis is away")
        super().commit(claim, expected, offset)  # type: ignore[arg-type]  # it is a Claim


def test_what_failed_is_told_from_where_the_attempt_stood(counted: Counted) -> None:
    source = ScriptedSource(ONE)
    source.add(ONE, 1, 2)
    run(counted, Engine(source, Refusing(), Folded(KeyError("x"), Transient("away"))))
    assert counted['retries_total{reason="apply_error"}'] == 2
    assert counted['retries_total{reason="offset_error"}'] == 2
    assert counted['retries_total{reason="load_error"}'] == 0
    assert counted["waits_total"] == 1


def test_a_commit_that_fails_behind_events_of_no_interest_is_the_stores_failure(
    counted: Counted,
) -> None:
    source = ScriptedSource(ONE)
    source.add(ONE, ["Ignored", 1, 2])
    projector = Folded()
    projector.handles = {"Counted"}
    run(counted, Engine(source, Refusing(), projector))
    assert counted['retries_total{reason="offset_error"}'] == 2
    assert counted['retries_total{reason="apply_error"}'] == 0


def test_a_lease_past_its_deadline_is_the_sources_failure(counted: Counted) -> None:
    source = ScriptedSource(ONE)
    source.add(ONE, 1)
    source.disowned.add(ONE)
    source.before_poll = lambda: source.disowned.clear() if source.polls > 3 else None
    run(counted, Engine(source, MemoryOffsetStore(), Folded()))
    assert (counted['retries_total{reason="load_error"}'] or 0) >= 1
    assert counted['retries_total{reason="apply_error"}'] == 0


def test_an_attempt_that_does_not_even_begin_has_not_failed_where_the_last_one_did(
    counted: Counted,
) -> None:
    source = ScriptedSource(ONE)
    source.add(ONE, 1)

    class Slipping(Folded):
        def apply(self, batch: Batch) -> None:
            if self.raises:
                source.disowned.add(ONE)
            super().apply(batch)

    source.before_poll = lambda: source.disowned.clear() if source.polls > 2 else None
    run(counted, Engine(source, MemoryOffsetStore(), Slipping(KeyError("x"))))
    assert counted['retries_total{reason="apply_error"}'] == 1
    assert (counted['retries_total{reason="load_error"}'] or 0) >= 1


def test_an_attempt_that_failed_tells_how_long_it_took(counted: Counted) -> None:
    source = ScriptedSource(ONE)
    source.add(ONE, 1)
    engine = Engine(source, MemoryOffsetStore(), Folded(KeyError("x")))
    (waited,) = engine.run().of(Waiting)
    assert isinstance(waited, Waiting)
    assert waited.seconds > 0
