"""What the image is built of is locked: nothing is fetched whose hash nobody wrote down."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest
from packaging.requirements import Requirement

from tests.fleet import ROOT

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKS = ("requirements-image.lock", "requirements-build.lock")


def pinned(lock: str) -> dict[str, str]:
    """Each package of a lock, and its version; each has a hash."""
    text = (ROOT / lock).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    assert [line for line in lines if "--hash=sha256:" not in line] == []
    found = (Requirement(line.partition(" --hash=")[0]) for line in lines)
    return {each.name: str(each.specifier).removeprefix("==") for each in found}


def test_whatever_the_dockerfile_fetches_it_fetches_by_hash() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    calls = re.findall(r"-m pip\s[^&\n]*", text)
    assert len(calls) == 4
    for call in calls:
        if "--require-hashes" not in call:
            assert {"--no-index", "--no-deps"} <= set(call.split()), call
    (wheel,) = [call for call in calls if " wheel " in call]
    assert "--no-build-isolation" in wheel  # else pip fetches what builds it, by no hash
    assert re.findall(r"^ADD |curl|wget|apt-get", text, re.MULTILINE) == []


@pytest.mark.parametrize("lock", LOCKS)
def test_the_image_is_made_of_what_is_developed_with(lock: str) -> None:
    developed = pinned("requirements.lock")
    assert pinned(lock).items() <= developed.items()


@pytest.mark.parametrize(
    ("lock", "needed"),
    [
        (
            "requirements-image.lock",
            [
                *PROJECT["project"]["dependencies"],
                *PROJECT["project"]["optional-dependencies"]["postgres"],
            ],
        ),
        ("requirements-build.lock", PROJECT["build-system"]["requires"]),
    ],
    ids=LOCKS,
)
def test_a_lock_fits_the_ranges_that_it_was_made_from(lock: str, needed: list[str]) -> None:
    found = pinned(lock)
    for each in map(Requirement, needed):
        assert each.specifier.contains(found[each.name]), each
