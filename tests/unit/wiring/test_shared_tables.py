"""Two projections of one file on one table, which the check refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from consumer.settings.document import Settings
from consumer.wiring.checking import findings
from projectors import LatestState

latest = LatestState(table="latest", name="latest")
others = LatestState(table="others", name="others")
HERE = __name__


def problems(**projections: dict[str, Any]) -> list[str]:
    made = {
        name: {"source": {"from": "main", "topics": ["orders"]}, **more}
        for name, more in projections.items()
    }
    settings = Settings.model_validate(
        {
            "offsets": {"redis": {"url": "redis://localhost:6379/0"}},
            "sources": {"main": {"redis": {"url": "redis://localhost:6379/0", "streams": 1}}},
            "projections": made,
        }
    )
    found = findings(settings, offline=True)
    return [line for finding in found if finding.is_problem for line in finding.lines]


def writes(projector: str, **read_model: Any) -> dict[str, Any]:
    return {"projector": f"{HERE}:{projector}", "read_model": read_model}


def test_two_on_one_table_are_told_with_the_table(tmp_path: Path) -> None:
    store = {"sqlite": {"path": str(tmp_path / "shop.db")}}
    (line,) = problems(eu=writes("latest", **store), us=writes("latest", **store))
    assert line.startswith("projections.us: it writes the same table as projections.eu (latest)")


def test_a_table_of_ones_own_is_fine(tmp_path: Path) -> None:
    store = {"sqlite": {"path": str(tmp_path / "shop.db")}}
    assert problems(eu=writes("latest", **store), us=writes("others", **store)) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"sqlite": {"path": "eu.db"}}, {"sqlite": {"path": "us.db"}}),
        (
            {"postgresql": {"url": "postgresql://h/shop", "schema": "eu"}},
            {"postgresql": {"url": "postgresql://h/shop", "schema": "us"}},
        ),
        ({"sqlite": {"path": "eu.db"}}, {"postgresql": {"url": "postgresql://h/shop"}}),
        ({"redis": {"url": "redis://h"}}, {"redis": {"url": "redis://h"}}),
    ],
    ids=["files", "schemas", "kinds", "redis, whose keys bear the projection's name"],
)
def test_in_stores_of_their_own_tables_may_have_one_name(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert problems(eu=writes("latest", **one), us=writes("latest", **other)) == []


def test_a_database_is_the_same_whoever_connects_to_it() -> None:
    one = {"postgresql": {"url": "postgresql://ada:secret@db/shop"}}
    other = {"postgresql": {"url": "postgres://bob@db:5432/shop?sslmode=require"}}
    (line,) = problems(eu=writes("latest", **one), us=writes("latest", **other))
    assert "secret" not in line


def test_one_file_is_the_same_by_whatever_path(tmp_path: Path) -> None:
    one, other = str(tmp_path / "shop.db"), str(tmp_path / "there" / ".." / "shop.db")
    found = problems(
        eu=writes("latest", sqlite={"path": one}), us=writes("latest", sqlite={"path": other})
    )
    assert len(found) == 1


def test_what_cannot_be_imported_is_told_once(tmp_path: Path) -> None:
    store = {"sqlite": {"path": str(tmp_path / "shop.db")}}
    (line,) = problems(eu=writes("missing", **store), us=writes("latest", **store))
    assert line.startswith("projections.eu")
