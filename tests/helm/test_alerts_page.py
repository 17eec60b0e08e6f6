"""The page of alerts: a section for each alert that the chart renders, and commands that are there."""

from __future__ import annotations

import re
from pathlib import Path

from tests.examples.pages import ROOT
from tests.helm.conftest import SHOP, Render, the
from tests.helm.typed import commands, ours, parsed

PAGE = "docs/alerts.md"


def test_every_alert_has_its_section_and_no_section_is_of_another(render: Render) -> None:
    asked = {
        "monitoring": {"prometheusRule": {"enabled": True}},
        "projections": {"orders": {"partitions": 8}},
    }
    groups = the(render(SHOP, asked), "PrometheusRule")["spec"]["groups"]
    alerts = {rule["alert"] for group in groups for rule in group["rules"]}
    assert alerts
    assert set(re.findall(r"^## (.+)$", (ROOT / PAGE).read_text(), re.MULTILINE)) == alerts


def test_every_command_of_ours_on_it_is_one_that_the_command_line_takes(tmp_path: Path) -> None:
    typed = [said for words in commands(PAGE) if (said := ours(words))]
    assert {said[0] for said in typed} == {"status", "offsets"}
    for said in typed:
        parsed(said, tmp_path)
