"""The how-to pages are typed as they stand, on a Redis of their own."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from consumer.embedded.valkey import Valkey
from tests.examples.pages import ROOT, block, blocks
from tests.examples.terminal import Terminal, clean


@pytest.fixture
def terminal(tmp_path: Path, own_valkey: Callable[..., Valkey]) -> Terminal:
    """In a folder with a package `shop`, with this Python and its commands in front."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/__init__.py").touch()
    environment = clean() | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": f"{ROOT}:{tmp_path}",
        "REDIS_URL": own_valkey().url,
        "PROJECTIONS_LOG_FORMAT": "console",  # as on a terminal
    }
    return Terminal(tmp_path, environment)


def test_the_page_about_testing(terminal: Terminal) -> None:
    (terminal.folder / "orders").mkdir()
    projector = block("docs/tutorial.md", "python", "# orders/read_model.py")
    (terminal.folder / "orders/read_model.py").write_text(projector)

    ran = terminal.play("docs/testing.md")

    assert [command.typed.split()[0] for command in ran].count("pytest") == 2


def test_the_page_about_upcasting(terminal: Terminal) -> None:
    (events,) = blocks("docs/upcasting.md", "json")
    (terminal.folder / "orders.jsonl").write_text(events)

    terminal.play("docs/upcasting.md")


def test_the_page_about_several_projections(terminal: Terminal) -> None:
    terminal.play("docs/several-projections.md")
