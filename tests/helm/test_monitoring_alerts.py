"""Each alert of the chart fires on what it is for, and not on what looks like it: promtool's word."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.helm.conftest import SHOP, Render, the

CASES: dict[str, list[dict[str, Any]]] = yaml.safe_load(
    (Path(__file__).parent / "alerts" / "cases.yaml").read_text()
)
ALERTED = {
    "defaults": {"alerts": {"labels": {"team": "shop"}, "retentionSeconds": 3600}},
    "monitoring": {
        "prometheusRule": {"enabled": True, "runbookUrl": "https://wiki.example.com/projections"}
    },
}


@pytest.fixture(scope="module")
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("promtool is missing", pytrace=False)
        pytest.skip("promtool is missing")
    return found


@pytest.fixture
def rules(render: Render, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """The rules as Prometheus reads them; of as many partitions as the test's case says, if it has one."""
    said = getattr(request.node, "callspec", None)
    partitions = said.params["case"].get("partitions", 4) if said else 4
    file = tmp_path / "rules.json"
    manifests = render(SHOP, ALERTED, {"defaults": {"partitions": partitions}})
    file.write_text(json.dumps(the(manifests, "PrometheusRule")["spec"]))
    return file


def series(selector: str) -> str:
    """A series of ours by its short name, where `render` installs and as the pod is scraped."""
    name, _, labels = selector.rstrip("}").partition("{")
    own = "" if "projection=" in labels else 'projection="orders",'
    return f'projection_{name}{{namespace="default",{own}{labels}}}'


def verdict(promtool: str, rules: Path, test: dict[str, Any]) -> None:
    file = rules.with_name("test.json")
    whole = {"rule_files": [rules.name], "evaluation_interval": "1m", "tests": [test]}
    file.write_text(json.dumps(whole))
    done = subprocess.run(
        [promtool, "test", "rules", str(file)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("alert", "case"),
    [
        pytest.param(alert, case, id=f"{alert}-{'fires' if case['fires'] else 'does-not'}-{number}")
        for alert, cases in CASES.items()
        for number, case in enumerate(cases)
    ],
)
def test_an_alert_fires_on_what_it_is_for_and_on_nothing_else(
    alert: str, case: dict[str, Any], promtool: str, rules: Path
) -> None:
    assert all(isinstance(values, str) for values in case["series"].values()), "0x5 is a number"
    firing = f'count(ALERTS{{alertname="{alert}",alertstate="firing"}}) or vector(0)'
    verdict(
        promtool,
        rules,
        {
            "interval": "1m",
            "input_series": [
                {"series": series(each), "values": values}
                for each, values in case["series"].items()
            ],
            "promql_expr_test": [
                {
                    "expr": firing,
                    "eval_time": case["at"],
                    "exp_samples": [{"labels": "{}", "value": int(case["fires"])}],
                }
            ],
        },
    )


def test_every_alert_is_seen_to_fire_and_to_be_silent(rules: Path) -> None:
    (group,) = json.loads(rules.read_text())["groups"]
    assert {rule["alert"] for rule in group["rules"]} == set(CASES)
    for alert, cases in CASES.items():
        assert {case["fires"] for case in cases} == {True, False}, alert


def test_an_alert_says_how_far_where_it_goes_and_what_to_do(promtool: str, rules: Path) -> None:
    verdict(
        promtool,
        rules,
        {
            "interval": "1m",
            "input_series": [{"series": series('lag_seconds{pod="a"}'), "values": "400x10"}],
            "alert_rule_test": [
                {
                    "alertname": "ProjectionLagTimeHigh",
                    "eval_time": "5m",
                    "exp_alerts": [
                        {
                            "exp_labels": {
                                "severity": "warning",
                                "team": "shop",
                                "namespace": "default",
                                "projection": "orders",
                            },
                            "exp_annotations": {
                                "summary": "The read model of orders is old",
                                "description": "The oldest event that orders has not applied is 6m 40s old, "
                                "and 300 seconds are allowed. Readers see what was true then.",
                                "runbook_url": "https://wiki.example.com/projections#projectionlagtimehigh",
                            },
                        }
                    ],
                }
            ],
        },
    )


def test_the_rules_are_read_without_a_warning(promtool: str, rules: Path) -> None:
    done = subprocess.run(
        [promtool, "check", "rules", str(rules)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(CASES)} rules found" in done.stdout
