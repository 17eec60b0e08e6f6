"""What mypy sees of a projector's functions: the pages promise it."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pytest
from mypy import api

ROOT = Path(__file__).parents[2]
FILES = ("tests/typing/accepted.py", "tests/typing/refused.py")


@pytest.fixture(scope="module")
def said() -> dict[str, dict[int, list[str]]]:
    """The errors, by file and line."""
    report, failure, _ = api.run(
        [
            *(str(ROOT / file) for file in FILES),
            f"--config-file={ROOT / 'pyproject.toml'}",
            f"--cache-dir={ROOT / '.mypy_cache'}",
            "--no-pretty",
            "--no-error-summary",
            "--hide-error-context",
        ]
    )
    assert not failure
    errors: dict[str, dict[int, list[str]]] = {Path(file).name: defaultdict(list) for file in FILES}
    for line in report.splitlines():
        place = re.match(r"(.+?):(\d+): error: (.*)", line)
        if place is not None and Path(place[1]).name in errors:
            errors[Path(place[1]).name][int(place[2])].append(place[3])
    return errors


def test_what_is_right_is_accepted(said: dict[str, dict[int, list[str]]]) -> None:
    assert not said["accepted.py"]


def test_each_wrong_line_is_refused_and_no_other(said: dict[str, dict[int, list[str]]]) -> None:
    lines = (ROOT / FILES[1]).read_text().splitlines()
    expected = {
        number + 1: line.partition("# E: ")[2]
        for number, line in enumerate(lines, 1)
        if line.lstrip().startswith("# E: ")
    }
    wrong = {
        number: (expected.get(number), said["refused.py"].get(number))
        for number in expected.keys() | said["refused.py"].keys()
        if not any(
            expected.get(number, "\0") in error for error in said["refused.py"].get(number, [])
        )
    }
    assert len(expected) > 20
    assert not wrong
