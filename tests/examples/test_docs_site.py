"""The site: it builds without a warning, and what its pages say of settings is taken by the settings."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from consumer import errors
from consumer.settings.loading import load
from docs import generate
from tests.examples.pages import ROOT, blocks

PAGES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md"))


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    built = subprocess.run(
        [
            *(sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"),
            *("-d", tmp_path / "doctrees", ROOT / "docs", tmp_path / "site"),
        ],
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    assert "last applied" in (tmp_path / "site/offsets.html").read_text()


@pytest.mark.parametrize("page", PAGES)
def test_every_whole_file_of_settings_on_a_page_is_one(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for text in blocks(page, "yaml"):
        if "offsets:" not in text or "sources:" not in text:
            continue
        if text.startswith("# values.yaml"):  # Helm's, see tests/helm/test_page.py
            continue
        tree = yaml.safe_load(text)
        for name in _files(tree):
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_text("secret")
        Path("projections.yaml").write_text(text)
        assert load(Path("projections.yaml")).sources


@pytest.mark.parametrize("page", generate.PAGES)
def test_a_page_that_is_made_from_the_code_is_current(page: str) -> None:
    assert (ROOT / "docs" / page).read_text() == generate.PAGES[page](), "run `make docs`"


def test_the_page_of_errors_names_every_error_and_no_other() -> None:
    page = (ROOT / "docs/errors.md").read_text()
    rows = [line.split("|")[1].strip(" `") for line in page.splitlines() if line.startswith("| `")]
    assert sorted(rows) == sorted(name for name, kind in vars(errors).items() if _is_error(kind))


def _is_error(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, errors.ConsumerError | errors.RowRefused)


def _files(tree: object) -> list[str]:
    """The files that a test must make, relative ones alone: an absolute path is no example's."""
    if not isinstance(tree, dict):
        return []
    found = [
        value for name, value in tree.items() if name == "password_file" and isinstance(value, str)
    ]
    found += list(tree.get("config_files", {}).values())
    for value in tree.values():
        found += _files(value)
    return found
