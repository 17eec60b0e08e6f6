"""The metrics of go-sync-kit's projection package: every row of its table, as it is called here."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

import pytest
from prometheus_client import CollectorRegistry, Counter

from consumer.errors import Misconfigured
from consumer.ports.metrics import Metrics
from consumer.telemetry import metrics as module
from consumer.telemetry.metrics import (
    ErrorType,
    Operation,
    ProjectionMetrics,
    get_default,
    init_default,
    record_applied,
    record_error,
    set_health,
    update_lag,
)

SINCE, BATCH = Operation.APPLY_SINCE, Operation.APPLY_BATCH


@pytest.fixture
def metrics() -> ProjectionMetrics:
    return ProjectionMetrics("shop")


@pytest.fixture(autouse=True)
def _without_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_default", None)


def value(metrics: ProjectionMetrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(
        name, {"service": "shop", "projection": "orders", **labels}
    )


def samples(metrics: ProjectionMetrics) -> Iterator[tuple[str, Mapping[str, str], float]]:
    for family in metrics.registry.collect():
        for sample in family.samples:
            yield sample.name, sample.labels, sample.value


def test_operations_and_error_types_have_the_values_of_the_contract() -> None:
    assert set(Operation) == {"apply_since", "apply_batch"}
    assert set(ErrorType) == {
        "apply_error",
        "offset_error",
        "load_error",
        "timeout_error",
        "context_error",
    }


def test_it_is_what_a_runner_counts_with(metrics: ProjectionMetrics) -> None:
    port: Metrics = metrics
    port.start_projection("orders", "apply_since")
    port.record_projection_operation("orders", "apply_since", 0.1, True, 1)
    port.record_projection_error("orders", "apply_since", "load_error")


def test_the_metrics_have_the_names_types_and_labels_of_the_table(
    metrics: ProjectionMetrics,
) -> None:
    table = {
        "projection_operations_total": ("counter", ("projection", "operation", "status")),
        "projection_operation_duration_seconds": ("histogram", ("projection", "operation")),
        "projection_events_processed_total": ("counter", ("projection", "operation")),
        "projection_batch_size": ("histogram", ("projection",)),
        "projection_errors_total": ("counter", ("projection", "operation", "error_type")),
        "projection_last_success_timestamp_seconds": ("gauge", ("projection", "operation")),
        "projection_lag_seconds": ("gauge", ("projection",)),
        "projection_health": ("gauge", ("projection",)),
    }
    described = {each.name: (each.type, each.labels) for each in metrics.described()}
    assert {name: described[name] for name in table} == table


def test_every_series_has_the_service_and_the_labels_given_and_those_of_the_table() -> None:
    metrics = ProjectionMetrics("shop", labels={"region": "eu"})
    metrics.record_projection_operation("orders", SINCE, 0.1, True, 3)
    metrics.record_projection_error("orders", SINCE, ErrorType.LOAD)
    metrics.update_projection_lag("orders", 1.0)

    own = {each.name: set(each.labels) for each in metrics.described()}
    for name, labels, _ in samples(metrics):
        metric = name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count")
        assert labels["service"] == "shop"
        assert labels["region"] == "eu"
        assert set(labels) - {"le"} == own[metric] | {"service", "region"}


def test_a_success_counts_its_events_its_size_and_its_time(metrics: ProjectionMetrics) -> None:
    metrics.record_projection_operation("orders", SINCE, 0.25, True, 40)
    metrics.record_projection_operation("orders", SINCE, 0.5, True, 2)
    metrics.record_projection_operation("orders", BATCH, 1.0, True, 1)

    assert (
        value(metrics, "projection_operations_total", operation="apply_since", status="success")
        == 2
    )
    assert value(metrics, "projection_events_processed_total", operation="apply_since") == 42
    assert value(metrics, "projection_events_processed_total", operation="apply_batch") == 1
    duration = "projection_operation_duration_seconds"
    assert value(metrics, f"{duration}_sum", operation="apply_since") == 0.75
    assert value(metrics, f"{duration}_count", operation="apply_batch") == 1
    assert value(metrics, "projection_batch_size_sum") == 43
    assert value(metrics, "projection_batch_size_bucket", le="5.0") == 2


def test_an_operation_without_events_is_no_batch(metrics: ProjectionMetrics) -> None:
    metrics.record_projection_operation("orders", SINCE, 0.1, True, 0)
    assert value(metrics, "projection_events_processed_total", operation="apply_since") == 0
    assert value(metrics, "projection_batch_size_count") in {None, 0}


def test_durations_have_buckets_from_1_ms_to_10_s(metrics: ProjectionMetrics) -> None:
    metrics.record_projection_operation("orders", SINCE, 11.0, True, 5000)
    bounds = [
        float(labels["le"])
        for name, labels, _ in samples(metrics)
        if name == "projection_operation_duration_seconds_bucket"
    ]
    assert (bounds[0], bounds[-2], bounds[-1]) == (0.001, 10.0, float("inf"))


def test_batch_sizes_have_buckets_from_1_to_2000_and_one_above(metrics: ProjectionMetrics) -> None:
    metrics.record_projection_operation("orders", SINCE, 1.0, True, 2001)
    counts = {
        float(labels["le"]): count
        for name, labels, count in samples(metrics)
        if name == "projection_batch_size_bucket"
    }
    assert (min(counts), counts[2000.0], counts[float("inf")]) == (1.0, 0, 1)


def test_a_success_sets_the_health_and_the_time_of_the_last_success(
    metrics: ProjectionMetrics,
) -> None:
    before = time.time()
    metrics.record_projection_operation("orders", SINCE, 0.1, True, 1)
    last = value(metrics, "projection_last_success_timestamp_seconds", operation="apply_since")
    assert last is not None
    assert before <= last <= time.time()
    assert value(metrics, "projection_health") == 1


def test_an_error_ends_the_health_and_leaves_the_last_success_as_it_was(
    metrics: ProjectionMetrics,
) -> None:
    metrics.record_projection_operation("orders", SINCE, 0.1, False, 0)
    metrics.record_projection_error("orders", SINCE, ErrorType.APPLY)
    assert value(metrics, "projection_health") == 0
    assert (
        value(metrics, "projection_last_success_timestamp_seconds", operation="apply_since") is None
    )


def test_either_half_of_an_error_ends_the_health(metrics: ProjectionMetrics) -> None:
    metrics.set_projection_health("orders", True)
    metrics.record_projection_operation("orders", SINCE, 0.1, False, 0)
    assert value(metrics, "projection_health") == 0
    metrics.set_projection_health("orders", True)
    metrics.record_projection_error("orders", SINCE, ErrorType.APPLY)
    assert value(metrics, "projection_health") == 0


def test_one_error_is_counted_once(metrics: ProjectionMetrics) -> None:
    metrics.record_projection_operation("orders", SINCE, 0.1, False, 7)
    metrics.record_projection_error("orders", SINCE, ErrorType.OFFSET)
    errors = [count for name, _, count in samples(metrics) if name == "projection_errors_total"]
    assert errors == [1]
    assert (
        value(metrics, "projection_operations_total", operation="apply_since", status="error") == 1
    )


def test_what_a_failed_operation_had_applied_counts(metrics: ProjectionMetrics) -> None:
    metrics.record_projection_operation("orders", SINCE, 0.1, False, 7)
    assert value(metrics, "projection_events_processed_total", operation="apply_since") == 7


def test_the_lag_and_the_health_can_be_set(metrics: ProjectionMetrics) -> None:
    metrics.update_projection_lag("orders", 12.5)
    metrics.set_projection_health("orders", True)
    assert value(metrics, "projection_lag_seconds") == 12.5
    assert value(metrics, "projection_health") == 1
    metrics.set_projection_health("orders", False)
    assert value(metrics, "projection_health") == 0


def test_the_metrics_of_a_projection_are_its_real_values(metrics: ProjectionMetrics) -> None:
    metrics.record_projection_operation("orders", SINCE, 0.5, True, 3)
    metrics.record_projection_operation("others", SINCE, 9.0, True, 9)
    metrics.update_projection_lag("orders", 2.0)
    found = metrics.get_projection_metrics("orders")
    assert time.time() - found.pop(
        'projection_last_success_timestamp_seconds{operation="apply_since"}'
    ) == pytest.approx(0, abs=60)
    assert found == {
        'projection_operations_total{operation="apply_since",status="success"}': 1,
        'projection_operation_duration_seconds_count{operation="apply_since"}': 1,
        'projection_operation_duration_seconds_sum{operation="apply_since"}': 0.5,
        'projection_events_processed_total{operation="apply_since"}': 3,
        "projection_batch_size_count": 1,
        "projection_batch_size_sum": 3,
        "projection_lag_seconds": 2,
        "projection_health": 1,
    }
    assert metrics.get_projection_metrics("unknown") == {}


def test_a_reset_removes_the_series_of_that_projection_alone(metrics: ProjectionMetrics) -> None:
    for name in ("orders", "orders2"):
        metrics.record_projection_operation(name, SINCE, 0.5, True, 3)
        metrics.record_projection_error(name, SINCE, ErrorType.LOAD)
    before = metrics.get_projection_metrics("orders2")

    metrics.reset_projection_metrics("orders")
    metrics.reset_projection_metrics("unknown")

    assert metrics.get_projection_metrics("orders") == {}
    assert metrics.get_projection_metrics("orders2") == before


def test_after_a_reset_it_counts_from_nothing(metrics: ProjectionMetrics) -> None:
    metrics.record_projection_operation("orders", SINCE, 0.5, True, 3)
    metrics.reset_projection_metrics("orders")
    metrics.record_projection_operation("orders", SINCE, 0.5, True, 4)
    assert value(metrics, "projection_events_processed_total", operation="apply_since") == 4


def test_two_instances_do_not_meet() -> None:
    registry = CollectorRegistry()
    first, second = ProjectionMetrics("shop", registry=registry), ProjectionMetrics("shop")
    assert first.registry is registry
    first.record_projection_operation("orders", SINCE, 0.5, True, 3)
    assert second.get_projection_metrics("orders") == {}


def test_a_metric_without_series_is_not_exposed(metrics: ProjectionMetrics) -> None:
    assert list(metrics.registry.collect()) == []
    metrics.set_projection_health("orders", True)
    assert [family.name for family in metrics.registry.collect()] == ["projection_health"]


def test_a_registry_takes_the_metrics_once_and_keeps_what_else_it_has() -> None:
    registry = CollectorRegistry()
    Counter("shop_visits", "Not ours.", registry=registry)
    ProjectionMetrics("shop", registry=registry)
    with pytest.raises(Misconfigured, match="share one ProjectionMetrics"):
        ProjectionMetrics("shop", registry=registry)
    assert "shop_visits" in {family.name for family in registry.collect()}


@pytest.mark.parametrize("label", ["projection", "service", "le", "__own"])
def test_a_label_that_cannot_be_is_refused_by_name(label: str) -> None:
    with pytest.raises(Misconfigured, match=label):
        ProjectionMetrics("shop", labels={label: "x"})


def test_before_init_the_functions_do_nothing() -> None:
    record_applied("orders", 3, 0.5, SINCE)
    record_error("orders", ErrorType.APPLY)
    set_health("orders", True)
    update_lag("orders", 1.0)
    assert get_default() is None


def test_the_functions_count_in_the_default() -> None:
    init_default("shop", labels={"region": "eu"})
    record_applied("orders", 3, 0.5, BATCH)
    record_error("orders", ErrorType.APPLY)
    update_lag("orders", 1.0)
    set_health("orders", True)

    made = get_default()
    assert made is not None
    found = made.get_projection_metrics("orders")
    assert found['projection_events_processed_total{operation="apply_batch"}'] == 3
    assert found['projection_errors_total{error_type="apply_error",operation="apply_since"}'] == 1
    assert found["projection_lag_seconds"] == 1
    assert found["projection_health"] == 1
    assert {labels["region"] for _, labels, _ in samples(made)} == {"eu"}


def test_the_default_takes_a_registry_and_the_last_one_made_counts() -> None:
    registry = CollectorRegistry()
    init_default("shop", registry=registry)
    first = get_default()
    assert first is not None
    assert first.registry is registry
    init_default("shop")
    record_applied("orders", 3, 0.5, SINCE)
    assert first.get_projection_metrics("orders") == {}


def test_a_second_default_takes_the_place_of_the_first_on_its_registry() -> None:
    registry = CollectorRegistry()
    init_default("shop", registry=registry)
    record_applied("orders", 3, 0.5, SINCE)
    first = get_default()
    init_default("store", registry=registry)
    record_applied("orders", 4, 0.5, SINCE)
    assert get_default() is not first
    found = [
        (sample.labels["service"], sample.value)
        for family in registry.collect()
        for sample in family.samples
        if sample.name == "projection_events_processed_total"
    ]
    assert found == [("store", 4)]


def test_a_default_that_cannot_be_made_leaves_the_one_before_as_it_was() -> None:
    registry = CollectorRegistry()
    init_default("shop", registry=registry)
    first = get_default()
    with pytest.raises(Misconfigured):
        init_default("store", labels={"projection": "x"}, registry=registry)
    assert get_default() is first
    set_health("orders", True)
    assert [family.name for family in registry.collect()] == ["projection_health"]


def test_a_default_that_was_taken_off_its_registry_is_replaced_too() -> None:
    registry = CollectorRegistry()
    init_default("shop", registry=registry)
    for collector in list(registry._collector_to_names):
        registry.unregister(collector)
    init_default("store", registry=registry)
    set_health("orders", True)
    assert [family.name for family in registry.collect()] == ["projection_health"]
