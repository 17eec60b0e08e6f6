"""The page about TableProjector: all its code runs, and what it says is refused is refused in these words."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from consumer import Misconfigured
from consumer.testing import event, project
from tests.examples.pages import ROOT, blocks
from tests.examples.terminal import Terminal, clean

PAGE = "docs/table-projector.md"
FILE = re.compile(r"# (\S+\.py)\n")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the page's files are."""
    for text in blocks(PAGE, "python"):
        if named := FILE.match(text):
            file = tmp_path / named[1]
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    forget_shop()  # another page has one too
    yield tmp_path
    forget_shop()


def forget_shop() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "shop"]:
        del sys.modules[name]


@pytest.fixture
def page(folder: Path) -> dict[str, Any]:
    """All names of the page, whose loose blocks go on from its first file."""
    names: dict[str, Any] = dict(vars(importlib.import_module("shop.read_models")))
    for text in blocks(PAGE, "python"):
        if not FILE.match(text):
            exec(text, names)
    return names


def test_the_test_of_the_page(tmp_path: Path) -> None:
    environment = clean() | {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "PYTHONPATH": f"{ROOT}:{tmp_path}",
    }
    (ran,) = Terminal(tmp_path, environment).play(PAGE)
    assert ran.typed.startswith("python -m pytest")


def test_a_transfer_is_two_rows(page: dict[str, Any]) -> None:
    paid = page["Transferred"]("ada", "bob", "EUR", Decimal(5))
    rows = project(page["holdings"], page["Transferred"]("eve", "ada", "EUR", Decimal(7)), paid)
    assert {row.account: row.amount for row in rows} == {"ada": 2, "bob": 5, "eve": -7}


def test_customers_are_imported_and_erased(page: dict[str, Any]) -> None:
    happened = [event("customer.imported", aggregate_id=who) for who in ("ada", "bob")]
    rows = project(page["customers"], *happened, event("customer.erased", aggregate_id="ada"))
    assert [row.customer_id for row in rows] == ["bob"]


def test_what_is_refused_is_refused_in_these_words(folder: Path) -> None:
    said = []
    for name in ("shop.mistaken", "shop.impossible"):
        with pytest.raises(Misconfigured) as raised:
            importlib.import_module(name)
        said.append(str(raised.value))
    assert said == [text.strip() for text in blocks(PAGE, "text")]


def test_each_column_of_those_ready_made_is_named(page: dict[str, Any]) -> None:
    text = (ROOT / PAGE).read_text()
    for name in ("latest_orders", "archive"):
        (table,) = page[name].tables
        assert ", ".join(f"`{column.name}`" for column in table.columns) in text
