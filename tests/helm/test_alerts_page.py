"""The page of alerts: a section for each alert that the chart renders, and commands that are there."""

from __future__ import annotations

import re
from pathlib import Path

from consumer.cli.status import _COLUMNS
from consumer.model.facts import Fact
from tests.examples.pages import ROOT
from tests.helm.conftest import SHOP, Render, the
from tests.helm.typed import commands, option, ours, parsed

PAGE = "docs/alerts.md"


def test_every_alert_has_its_section_and_no_section_is_of_another(render: Render) -> None:
    asked = {
        "monitoring": {"prometheusRule": {"enabled": True}},
        "projections": {"orders": {"alerts": {"retentionSeconds": 3600}}},
    }
    groups = the(render(SHOP, asked), "PrometheusRule")["spec"]["groups"]
    alerts = {rule["alert"] for group in groups for rule in group["rules"]}
    assert alerts
    assert set(re.findall(r"^## (.+)$", (ROOT / PAGE).read_text(), re.MULTILINE)) == alerts


def test_columns_that_it_names_are_those_of_status() -> None:
    named = set(re.findall(r"\b[A-Z]{3,}\b", (ROOT / PAGE).read_text()))
    assert named - {"CPU", "KEDA"} == {"BEHIND", "CURRENT"} <= set(_COLUMNS)


def test_words_of_the_log_that_it_names_are_those_of_the_log() -> None:
    verbs = {fact.__name__.lower() for fact in Fact.__subclasses__()}
    told = re.findall(
        r"[Ll]ook for ((?:`[a-z]+`(?:,| and)? ?)+)|log lines? `([a-z]+)`", (ROOT / PAGE).read_text()
    )
    words = {word for pair in told for text in pair for word in re.findall(r"[a-z]{4,}", text)}
    assert {"delayed", "halted", "skipped", "unmeasured", "waiting"} <= words <= verbs


def test_an_incident_begins_with_the_log_of_every_worker_and_not_of_some_one(
    render: Render,
) -> None:
    pod = the(render(SHOP), "Deployment")["spec"]["template"]["metadata"]["labels"]
    logs = [words for words in commands(PAGE) if words[:2] == ["kubectl", "logs"]]
    assert logs
    for words in logs:
        (label,) = option(words, "-l")
        assert label.partition("=")[0] in pod
        assert "--prefix" in words


def test_every_command_of_ours_on_it_is_one_that_the_command_line_takes(tmp_path: Path) -> None:
    typed = [said for words in commands(PAGE) if (said := ours(words))]
    assert {said[0] for said in typed} == {"status", "offsets"}
    for said in typed:
        parsed(said, tmp_path)
