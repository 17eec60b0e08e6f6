"""docs/operating.md names everything that a worker may log, and shows what an operator's verbs print."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest

from consumer.engine.standing import State
from consumer.model.condition import Condition
from consumer.model.facts import Fact
from tests.examples.pages import ROOT, block, blocks
from tests.unit.cli.operator_desk import OperatorDesk

PAGE = "docs/operating.md"
OWNER = "web-1:7:5f2c9a1e"
#: What is another each time: spans of time, and the spaces that make columns.
_PASSING = re.compile(r"\b(\d+[dhms]){1,2}\b")


@pytest.fixture
def desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> OperatorDesk:
    desk = OperatorDesk(tmp_path, monkeypatch, capsys)
    desk.committed(0, 9, owner=OWNER)
    claim = desk.committed(1, 3, owner=OWNER)
    reason = "Undecodable: orders/1 at offset 4: the data is no JSON"
    with desk.store() as store:
        store.note(claim, Condition("halted", reason))
    desk.alive(OWNER)
    return desk


def test_the_page_names_every_fact_and_no_other() -> None:
    page = (ROOT / "docs/operating.md").read_text()
    rows = re.findall(r"^\| (`[^|]*) \|", page, re.MULTILINE)
    told = {verb for row in rows for verb in re.findall(r"`(\w+)`", row)}
    assert told == {fact.__name__.lower() for fact in Fact.__subclasses__()}


def test_the_page_names_every_state_and_no_other() -> None:
    page = (ROOT / PAGE).read_text()
    listed = page[page.index("The state is one of") : page.index("`--watch` looks")]
    assert re.findall(r"^([a-z-]+)\n: ", listed, re.MULTILINE) == list(get_args(State))


def test_what_the_page_shows_is_what_is_printed(desk: OperatorDesk) -> None:
    shown = blocks(PAGE, "console")
    assert len(shown) == 2
    for text in shown:
        command, _, output = text.partition("\n")
        _, out, err = desk.call(*command.removeprefix("$ projections ").split())
        assert _lasting(out + err) == _lasting(output)


def test_the_documents_of_the_page_have_the_keys_that_are_printed(desk: OperatorDesk) -> None:
    status = desk.document("status", "shop")
    status["projections"][0]["partitions"] = status["projections"][0]["partitions"][1:2]
    assert _keys(status) == _keys(json.loads(block(PAGE, "json", '"log_end"')))

    words = ("--to-offset", "5", "--partition", "orders/1", "--dry-run")
    reset = desk.document("offsets", "reset", "shop", *words)
    assert reset == json.loads(block(PAGE, "json", '"read_again"'))


def _lasting(text: str) -> list[list[str]]:
    return [_PASSING.sub("TIME", line).split() for line in text.strip().splitlines()]


def _keys(document: Any) -> Any:
    if isinstance(document, dict):
        return {key: _keys(value) for key, value in document.items()}
    return [_keys(each) for each in document] if isinstance(document, list) else None
