"""What the shell is offered at a press of Tab."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from consumer.settings.names import names_in

SETTINGS = """
offsets: {sqlite: {path: offsets.sqlite}}
projections:
  orders: {projector: "no.such.module:Orders"}
  orders@2: {}
  shipments: {}
"""

#: Completes, and says which of the heavy libraries it took to do so.
CODE = """
import sys
try:
    from consumer.cli import main
    main()
finally:
    heavy = {"confluent_kafka", "redis", "pydantic_settings", "structlog", "no"} & set(sys.modules)
    print("imported:", sorted(heavy), file=sys.stderr)
"""


def offered(folder: Path, *words: str) -> list[str]:
    env = {name: value for name, value in os.environ.items() if "PROJECTIONS" not in name}
    asked = {
        "_PROJECTIONS_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(("projections", *words)),
        "COMP_CWORD": str(len(words)),
        "PYTHONPATH": str(Path(__file__).parents[3]),
    }
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        cwd=folder,
        env=env | asked,
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.stderr == "imported: []\n"
    return done.stdout.split()


@pytest.mark.parametrize(
    "verb", [("status",), ("run",), ("offsets", "get"), ("offsets", "reset")], ids=" ".join
)
def test_the_projections_of_the_settings_are_offered(tmp_path: Path, verb: tuple[str, ...]) -> None:
    (tmp_path / "projections.yaml").write_text(SETTINGS)

    assert offered(tmp_path, *verb, "or") == ["orders", "orders@2"]


def test_the_settings_may_lie_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "else.yaml").write_text(SETTINGS)

    assert offered(tmp_path, "--config", "else.yaml", "status", "s") == ["shipments"]
    assert offered(tmp_path, "status", "s") == []


def test_verbs_are_offered(tmp_path: Path) -> None:
    assert offered(tmp_path, "off") == ["offsets"]
    assert offered(tmp_path, "offsets", "") == ["list", "get", "reset"]


def test_settings_that_cannot_be_read_offer_nothing_and_complain_of_nothing(tmp_path: Path) -> None:
    (tmp_path / "projections.yaml").write_text("projections: [a, b")

    assert offered(tmp_path, "status", "s") == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "projections",
        "projections: 3",
        "3",
        "!!python/object:x y",
        "\0",
        "[" * 100_000,
        "\udcff",
    ],
    ids=range(8),
)
def test_names_are_read_from_whatever_lies_there(tmp_path: Path, text: str) -> None:
    path = tmp_path / "projections.yaml"
    path.write_text(text, errors="surrogateescape")

    assert names_in(path) == []
    assert names_in(tmp_path) == []


def test_a_name_that_is_no_text_is_not_offered(tmp_path: Path) -> None:
    path = tmp_path / "projections.yaml"
    path.write_text("projections: {1: {}, sales: {}, null: {}}")

    assert names_in(path) == ["sales"]
