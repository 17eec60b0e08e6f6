"""What the chart watches with: it names only what workers export, and Kubernetes knows its objects."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from consumer.telemetry.metrics import ProjectionMetrics
from tests.helm.conftest import CHART, SHOP, Render, the

DESCRIBED = {each.name: each for each in ProjectionMetrics("chart").described()}
#: What one series of a histogram is told in.
HISTOGRAM = ("_bucket", "_sum", "_count")
#: What Prometheus itself adds to whatever it scrapes.
ADDED = {"namespace", "pod", "instance"}
DASHBOARD = json.loads((CHART / "files" / "dashboard.json").read_text())
#: How long the log keeps an event, said.
KEPT = {"retentionSeconds": 3600}
ALL = {
    "monitoring": {
        kind: {"enabled": True}
        for kind in ("podMonitor", "serviceMonitor", "prometheusRule", "dashboard")
    }
}


def queries() -> list[str]:
    return [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


def rules(render: Render, *values: dict[str, Any]) -> list[dict[str, Any]]:
    """Those of the only projection."""
    (group,) = the(render(SHOP, ALL, *values), "PrometheusRule")["spec"]["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def names(rules: list[dict[str, Any]]) -> set[str]:
    return {rule["alert"].removeprefix("Projection") for rule in rules}


def unknown(query: str) -> list[str]:
    """Metrics that no worker exports, and labels that none of the query's metrics has."""
    found = []
    labels = set(ADDED)
    for name in re.findall(r"\bprojection_\w+", query):
        base = next((name.removesuffix(end) for end in HISTOGRAM if name.endswith(end)), name)
        described = DESCRIBED.get(base)
        if described is None or (described.type == "histogram") != (base != name):
            found.append(name)
        else:
            labels.update(described.labels, {"le"} if described.type == "histogram" else ())
    used = set(re.findall(r'(\w+)(?:=~|!~|!=|=)"', query))
    for several in re.findall(r"\bby \(([^)]*)\)", query):
        used.update(re.findall(r"\w+", several))
    return found + sorted(used - labels)


def test_every_metric_and_label_of_the_rules_is_exported(render: Render) -> None:
    for rule in rules(render, {"defaults": {"partitions": 4, "alerts": KEPT}}):
        assert re.search(r"\bprojection_\w+", rule["expr"]), rule
        assert unknown(rule["expr"]) == [], rule["alert"]


@pytest.mark.parametrize("query", queries())
def test_every_metric_and_label_of_the_dashboard_is_exported(query: str) -> None:
    assert unknown(query) == []


@pytest.mark.parametrize("query", queries())
def test_projections_of_one_name_in_two_namespaces_are_two_lines(query: str) -> None:
    groups = re.findall(r"\bby \(([^)]*)\)", query)
    assert groups
    assert all(each.startswith("namespace, projection") for each in groups)
    legends = [
        target["legendFormat"] for panel in DASHBOARD["panels"] for target in panel["targets"]
    ]
    assert all(each.startswith("{{namespace}} {{projection}}") for each in legends)


@pytest.mark.parametrize(
    "query",
    [
        "sum(projection_lag_second)",
        "sum by (topic) (projection_lag_seconds)",
        "rate(projection_batch_size[5m])",
        'projection_lag_seconds{kind="claimed"}',
    ],
)
def test_one_that_is_not_exported_is_found(query: str) -> None:
    assert unknown(query)


def test_alerts_carry_their_projections_labels_and_runbook(render: Render) -> None:
    own = {"projections": {"orders": {"alerts": {"labels": {"team": "a", "severity": "page"}}}}}
    page = {"monitoring": {"prometheusRule": {"runbookUrl": "https://wiki.example.com/all"}}}
    for rule in rules(render, own, page):
        assert rule["labels"] == {"team": "a", "severity": "page", "projection": "orders"}
        anchor = rule["alert"].lower()
        assert rule["annotations"]["runbook_url"] == f"https://wiki.example.com/all#{anchor}"
    own["projections"]["orders"]["alerts"]["runbookUrl"] = "https://wiki.example.com/orders"  # type: ignore[assignment]
    for rule in rules(render, own, page):
        assert rule["annotations"]["runbook_url"].startswith("https://wiki.example.com/orders#")


def test_without_a_page_an_alert_names_no_runbook(render: Render) -> None:
    for rule in rules(render):
        assert set(rule["annotations"]) == {"summary", "description"}


def test_thresholds_are_the_projections(render: Render) -> None:
    own = {"projections": {"orders": {"partitions": 16, "alerts": {"lagSeconds": 45}}}}
    by_name = {rule["alert"]: rule["expr"] for rule in rules(render, own)}
    assert by_name["ProjectionLagTimeHigh"].endswith("> 45")
    assert by_name["ProjectionPartitionUnowned"].endswith("< 16")
    assert by_name["ProjectionRebalanceStorm"].endswith("> 48")


def test_what_cannot_be_known_is_not_alerted_on(render: Render) -> None:
    every = names(rules(render, {"defaults": {"alerts": KEPT}}))
    assert every - names(rules(render)) == {"RetentionRisk"}
    asleep = {"scaling": {"type": "keda", "minReplicas": 0}}  # no pod is no trouble
    assert every - names(rules(render, {"defaults": {"alerts": KEPT, **asleep}})) == {
        "MetricsAbsent"
    }


def test_where_nobody_said_how_many_partitions_there_are_the_words_do_not_say_so(
    render: Render,
) -> None:
    def words(partitions: int) -> str:
        found = rules(render, {"defaults": {"partitions": partitions}})
        return next(
            rule["annotations"]["description"]
            for rule in found
            if rule["alert"] == "ProjectionPartitionUnowned"
        )

    hold = "The workers of orders hold {{ $value | humanize }} of its "
    assert words(0).startswith(f"{hold}partitions together. ")
    assert words(16).startswith(f"{hold}16 partitions together. ")


def test_a_prometheus_without_namespaces_has_alerts_too(render: Render) -> None:
    for rule in rules(render, {"monitoring": {"prometheusRule": {"namespaceLabel": ""}}}):
        assert "namespace" not in rule["expr"]


def test_a_pod_is_found_by_its_port_and_the_release(render: Render) -> None:
    manifests = render(SHOP, ALL)
    pod = the(manifests, "Deployment")["spec"]["template"]
    ports = {port["name"] for port in pod["spec"]["containers"][0]["ports"]}
    monitor = the(manifests, "PodMonitor")["spec"]
    assert {each["port"] for each in monitor["podMetricsEndpoints"]} <= ports
    assert monitor["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    service = the(manifests, "Service")
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["publishNotReadyAddresses"] is True
    assert service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports
    monitor = the(manifests, "ServiceMonitor")["spec"]
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert {each["port"] for each in monitor["endpoints"]} == {
        port["name"] for port in service["spec"]["ports"]
    }


def test_nothing_watches_unless_it_is_asked_for(render: Render) -> None:
    kinds = {manifest["kind"] for manifest in render(SHOP)}
    assert kinds & {"PodMonitor", "ServiceMonitor", "PrometheusRule", "Service"} == set()


def test_the_dashboard_arrives_as_it_is_in_the_chart(render: Render) -> None:
    manifests = render(SHOP, ALL)
    boards = [
        each
        for each in manifests
        if each["kind"] == "ConfigMap" and "projections.json" in each["data"]
    ]
    (board,) = boards
    assert json.loads(board["data"]["projections.json"]) == DASHBOARD
    assert board["metadata"]["labels"]["grafana_dashboard"] == "1"


def test_panels_neither_overlap_nor_share_a_number() -> None:
    cells: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        own = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & own, panel["title"]
        assert at["x"] + at["w"] <= 24
        cells |= own
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(numbers)) == len(numbers) >= 12
