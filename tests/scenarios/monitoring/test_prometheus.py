"""A real Prometheus with the chart's rules, beside real workers that stall and go on."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.fleet import eventually
from tests.helm.conftest import CHART, SHOP, Render, the
from tests.ledger import BEFORE_APPLY
from tests.scenarios.kafka.story import Begin
from tests.scenarios.monitoring.prometheus import Prometheus, prometheus

WATCHED = {"http": {"port": 0, "host": "127.0.0.1"}}
#: A minute of a rule is a second here.
_MINUTES = re.compile(r"\b(\d+)m\b")


@pytest.fixture(autouse=True)
def _needs_prometheus() -> None:
    if not shutil.which("prometheus"):
        missing = "a server is missing: no prometheus on the PATH"
        if os.environ.get("CI") == "true":
            pytest.fail(missing, pytrace=False)
        pytest.skip(missing)


def hurried(text: str) -> str:
    """The text of rules, sixty times as fast; what they look at each 30 s or minute, each second."""
    seconds = text.replace("[10m:1m]", "[10m:1s]").replace(":30s]", ":1s]").replace("[1h]", "[60m]")
    return _MINUTES.sub(r"\1s", seconds)


def rules(render: Render) -> list[dict[str, Any]]:
    """Those of a projection `ledger`, where no label tells a namespace, as outside Kubernetes."""
    asked = {
        "monitoring": {"prometheusRule": {"enabled": True, "namespaceLabel": ""}},
        "projections": {"orders": {"name": "ledger", "partitions": 4}},
    }
    (group,) = the(render(SHOP, asked), "PrometheusRule")["spec"]["groups"]
    found: list[dict[str, Any]] = json.loads(hurried(json.dumps(group["rules"])))
    return found


def test_a_stall_is_told_in_its_time_and_is_over_when_events_are_applied_again(
    begin: Begin, render: Render, tmp_path: Path
) -> None:
    with begin(document=WATCHED) as story:
        fleet = story.fleet
        story.publish_everywhere(5)
        workers = [fleet.spawn(), fleet.spawn()]
        eventually(fleet.everything_is_committed, "they caught up")
        ports = [worker.said("listening")[0]["port"] for worker in workers]
        with prometheus(tmp_path, ports, rules(render)) as watching:
            loaded = watching.get("rules")["groups"][0]["rules"]
            eventually(lambda: _health(watching) == {"ok"}, "every rule can be evaluated")
            assert len(loaded) == len(rules(render))
            eventually(lambda: len(watching.value("up == 1")) == 2, "both are scraped")
            assert "ProjectionStalled" not in watching.firing()

            fleet.hold(BEFORE_APPLY)
            story.publish_everywhere(5)
            eventually(lambda: "ProjectionStalled" in watching.firing(), "the stall is told")

            fleet.let_go()
            eventually(fleet.everything_is_committed, "all is applied")
            eventually(lambda: "ProjectionStalled" not in watching.firing(), "it is over")


def test_every_query_of_the_dashboard_is_answered_by_what_workers_serve(
    begin: Begin, tmp_path: Path
) -> None:
    with begin(document=WATCHED) as story:
        story.publish_everywhere(5)
        worker = story.fleet.spawn()
        eventually(story.fleet.everything_is_committed, "it caught up")
        with prometheus(tmp_path, [worker.said("listening")[0]["port"]], []) as watching:
            eventually(
                lambda: len(watching.value("count_over_time(up[10s]) > 3")) == 1, "some looks"
            )
            story.publish_everywhere(5)
            eventually(story.fleet.everything_is_committed, "more was applied")
            for title, query in _queries():
                eventually(
                    lambda query=query: watching.value(query),  # type: ignore[misc]
                    f"an answer for {title}: {query}",
                    seconds=15,
                )


def _health(watching: Prometheus) -> set[str]:
    return {rule["health"] for rule in watching.get("rules")["groups"][0]["rules"]}


def _queries() -> list[tuple[str, str]]:
    """Of every panel, as Grafana asks them where all projections of all namespaces are chosen."""
    panels = json.loads((CHART / "files" / "dashboard.json").read_text())["panels"]
    found = [(panel["title"], target["expr"]) for panel in panels for target in panel["targets"]]
    return [(title, _chosen(query)) for title, query in found]


def _chosen(query: str) -> str:
    """The query with all that Grafana would put into it."""
    timed = query.replace("$__rate_interval", "10s")
    return re.sub(r"\$\w+", ".*", timed)
