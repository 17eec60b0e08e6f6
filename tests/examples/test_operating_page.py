"""docs/operating.md names everything that a worker may log."""

from __future__ import annotations

import re

from consumer.model.facts import Fact
from tests.examples.pages import ROOT


def test_the_page_names_every_fact_and_no_other() -> None:
    page = (ROOT / "docs/operating.md").read_text()
    rows = re.findall(r"^\| (`[^|]*) \|", page, re.MULTILINE)
    told = {verb for row in rows for verb in re.findall(r"`(\w+)`", row)}
    assert told == {fact.__name__.lower() for fact in Fact.__subclasses__()}
