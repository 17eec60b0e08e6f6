"""The README's code does what the README says, on real servers."""

from __future__ import annotations

import os
import shlex
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.examples.pages import ROOT, block

PROJECTIONS = Path(sys.executable).with_name("projections")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with the README's three files."""
    package = tmp_path / "shop"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "read_models.py").write_text(block("README.md", "python", "# shop/read_models.py"))
    (tmp_path / "projections.yaml").write_text(block("README.md", "yaml", "# projections.yaml"))
    (tmp_path / "orders.jsonl").write_text(block("README.md", "json", "OrderPlaced"))
    return tmp_path


def test_the_commands_of_the_readme_make_the_read_model(
    shop: Path, kafka: Any, valkey: Any
) -> None:
    settings = shop / "projections.yaml"
    topic = f"orders-{uuid4().hex[:8]}"
    settings.write_text(settings.read_text().replace("topics: [orders]", f"topics: [{topic}]"))
    environment = os.environ | {
        "PROJECTIONS_OFFSETS__REDIS__URL": valkey.url,
        "PROJECTIONS_OFFSETS__REDIS__PREFIX": topic,
        "PROJECTIONS_SOURCES__MAIN__KAFKA__BOOTSTRAP_SERVERS": f'["{kafka.bootstrap}"]',
    }
    commands = [
        shlex.split(line.removeprefix("$ projections "))
        for line in block("README.md", "console", "projections run").splitlines()
        if line.startswith("$ projections ")
    ]
    assert [command[0] for command in commands] == ["publish", "check", "run"]
    commands[0][1] = topic
    for command in commands:
        ran = subprocess.run(
            [PROJECTIONS, *command], cwd=shop, env=environment, capture_output=True, text=True
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
    with closing(sqlite3.connect(shop / "shop.db")) as db:
        rows = db.execute("SELECT customer_id, orders, spent FROM customer").fetchall()
    assert rows == [("ada", 2, "20.00")]


def test_the_test_of_the_readme_passes(shop: Path) -> None:
    (shop / "test_read_models.py").write_text(block("README.md", "python", "# tests/test_read"))
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_read_models.py"],
        cwd=shop,
        env=os.environ | {"PYTHONPATH": f"{shop}:{ROOT}"},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_runner_of_the_readme_runs(shop: Path) -> None:
    code = block("README.md", "python", "import Runner")
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=shop,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
