"""A project that `projections new` makes passes its own tests, our linter and our types, whatever it is called."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fleet import ROOT


def new(folder: Path, *words: str) -> None:
    """`projections new`, typed in the folder."""
    passes(folder, "-m", "consumer", "new", *words)


def passes(folder: Path, *words: str) -> None:
    """The command, run by this Python in the folder, ends with 0."""
    # What comes from the tree is found by its path alone, as an installed package would be.
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("source", ["kafka", "redis"])
@pytest.mark.parametrize("name", ["orders", "Order.Totals-of_2024"])
def test_its_own_test_and_check_pass(tmp_path: Path, name: str, source: str) -> None:
    new(tmp_path, name, "--into", "it", "--source", source)

    passes(tmp_path / "it", "-m", "pytest", "-q", "-p", "no:cacheprovider")
    passes(tmp_path / "it", "-m", "consumer", "check", "--offline")
    made = [each for each in (tmp_path / "it").rglob("*.*") if each.suffix != ".pyc"]
    assert [each for each in made if each.is_file() and "{{" in each.read_text()] == []


@pytest.mark.parametrize(
    "name", ["item", "rows", "runner", "transient", "none", "test-orders", "memory-event-log"]
)
def test_a_name_that_its_own_code_uses_hides_nothing(tmp_path: Path, name: str) -> None:
    new(tmp_path, name, "--into", "it")

    passes(tmp_path / "it", "-m", "pytest", "-q", "-p", "no:cacheprovider")


def test_its_own_test_notices_a_projector_that_is_wrong(tmp_path: Path) -> None:
    new(tmp_path, "orders")
    code = tmp_path / "orders/orders/read_model.py"
    right = code.read_text()
    for part, wrong in {
        "INSERT OR REPLACE": "INSERT",
        "DELETE FROM items": "SELECT 1 FROM items",
        "raise Transient": "raise ValueError",
        "title: str\n": 'title: str = ""\n',
    }.items():
        assert part in right
        code.write_text(right.replace(part, wrong))
        with pytest.raises(AssertionError, match="1 failed"):
            passes(tmp_path / "orders", "-m", "pytest", "-q", "-p", "no:cacheprovider")


def test_its_code_passes_our_linter_and_our_types(tmp_path: Path) -> None:
    new(tmp_path, "orders")
    folder = tmp_path / "orders"
    ours = str(ROOT / "pyproject.toml")

    passes(folder, "-m", "ruff", "check", "--no-cache", "--config", ours)
    for length in ("88", "100"):  # ruff's own, and ours
        passes(folder, "-m", "ruff", "format", "--no-cache", "--check", "--line-length", length)
    cache = str(ROOT / ".mypy_cache")
    passes(
        *(folder, "-m", "mypy", "--strict", "--config-file=", "--cache-dir", cache),
        *("orders", "tests"),
    )
