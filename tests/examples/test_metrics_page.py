"""docs/metrics.md: its tables are what the code declares, its alerts name what is exported, its code runs."""

from __future__ import annotations

import re

import pytest
import yaml

from consumer.settings.http import HttpSettings
from consumer.telemetry.counting import Counting
from consumer.telemetry.metrics import ProjectionMetrics
from docs.metrics_page import metrics
from tests.examples.pages import ROOT, block

PAGE = "docs/metrics.md"
TEXT = (ROOT / PAGE).read_text()
DESCRIBED = {each.name: each for each in ProjectionMetrics("docs").described()}


def test_the_tables_are_what_the_code_declares() -> None:
    assert metrics() == TEXT, "run `make docs`"
    for name in DESCRIBED:
        assert f"| `{name}` |" in TEXT


def test_the_page_speaks_of_no_metric_that_is_not_exported() -> None:
    code = [span for span in re.findall(r"`([^`\n]+)`", TEXT) if "projection_" in span]
    named = {name for span in code for name in re.findall(r"\bprojection_\w+", span)}
    assert named - set(DESCRIBED) == set()


def expressions() -> list[str]:
    section = TEXT.split("## What to alert on")[1].split("## ")[0]
    return re.findall(r"^\| [^|]+ \| `([^`]+)` \|", section, re.MULTILINE)


def test_there_is_something_to_alert_on() -> None:
    assert len(expressions()) > 8


@pytest.mark.parametrize("expression", expressions())
def test_what_is_alerted_on_exists_from_the_start_or_with_the_first_look(expression: str) -> None:
    names = re.findall(r"\bprojection_\w+", expression)
    counted = ProjectionMetrics("docs")
    Counting(counted, "orders")
    present = {series.partition("{")[0] for series in counted.get_projection_metrics("orders")}
    # Only a lag waits until it was measured.
    assert {
        name for name in names if "lag_seconds" not in name and "lag_events" not in name
    } <= present


@pytest.mark.parametrize("expression", expressions())
def test_an_alert_uses_labels_that_its_metric_has(expression: str) -> None:
    for name, label in re.findall(r"(projection_\w+)\{(\w+)", expression):
        assert label in DESCRIBED[name].labels
    for label in re.findall(r"by \((\w+)\)", expression):
        for name in re.findall(r"\bprojection_\w+", expression):
            assert label in DESCRIBED[name].labels


def test_the_setting_of_the_page_is_taken() -> None:
    tree = yaml.safe_load(block(PAGE, "yaml", "http:"))
    assert HttpSettings(**tree["http"]).port == 9464


def test_the_code_of_the_page_runs() -> None:
    exec(block(PAGE, "python", "ProjectionMetrics"), {})
