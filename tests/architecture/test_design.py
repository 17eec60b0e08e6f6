"""DESIGN.md names tests and files; they exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DESIGN = (ROOT / "DESIGN.md").read_text()


def test_every_test_that_the_design_names_exists() -> None:
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("*.py"))
    named = set(re.findall(r"`(test_\w+)`", DESIGN))
    assert named
    assert [name for name in sorted(named) if f"def {name}(" not in tests] == []


def test_every_file_that_the_design_names_exists() -> None:
    named = set(re.findall(r"`((?:tests|consumer|docs)/[\w/]+\.(?:py|md))`", DESIGN))
    named |= set(re.findall(r"^    (consumer/\S+\.py) ", DESIGN, re.MULTILINE))
    assert named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_every_room_has_a_floor() -> None:
    rooms = {
        path.name if path.is_dir() else path.stem
        for path in (ROOT / "consumer").iterdir()
        if path.is_dir() or path.suffix == ".py"
    } - {"__init__", "__pycache__"}
    told = set(re.findall(r"^\| \d \| `(\w+)(?:/|\.py)?` \|", DESIGN, re.MULTILINE))
    assert told == rooms
