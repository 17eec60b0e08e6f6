"""The fixture, as a project of its own gets it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.examples.pages import ROOT

TEST = """
from decimal import Decimal

from tests.unit.testing.sums import OrderPlaced, Sum, Sums

sums = Sums()


def test_step_by_step(projected):
    assert projected(sums, OrderPlaced("ada", Decimal(1))) == [Sum("ada", 1)]
    assert projected(sums, OrderPlaced("ada", Decimal(1))) == [Sum("ada", 2)]


def test_from_nothing(projected):
    assert projected(sums) == []


def test_a_bug(projected):
    class Buggy(Sums):
        def project(self, batch, transaction):
            raise ZeroDivisionError("the bug")

    projected(Buggy(), OrderPlaced("ada", Decimal(1)))
"""


def test_the_fixture_is_there_once_it_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["consumer.testing.plugin"]\n')
    (tmp_path / "pytest.ini").write_text(f"[pytest]\npythonpath = {ROOT}\n")
    (tmp_path / "test_it.py").write_text(TEST)

    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )

    assert "1 failed, 2 passed" in ran.stdout, ran.stdout + ran.stderr
    assert 'raise ZeroDivisionError("the bug")' in ran.stdout
    assert 'projected(Buggy(), OrderPlaced("ada", Decimal(1)))' in ran.stdout
