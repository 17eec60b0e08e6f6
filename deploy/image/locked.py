"""What requirements-image.lock holds for the image, which is Linux and a Python of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements-image.lock"


def locked(python: str = "") -> dict[str, str]:
    """Each package that the image installs, with its entry: version, marker and hashes.

    `python` is another version than the Dockerfile's, as in 3.11.2.
    """
    return {
        requirement.name: entry
        for requirement, entry in _entries()
        if requirement.marker is None or requirement.marker.evaluate(_image(python))
    }


def _entries() -> Iterator[tuple[Requirement, str]]:
    text = LOCK.read_text(encoding="utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        if line and not line.lstrip().startswith("#"):
            yield Requirement(line.partition(" --hash=")[0]), line


def _image(python: str) -> dict[str, str]:
    """The markers' environment: the Python is that of the last FROM."""
    if not python:
        text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
        python = re.findall(r"^FROM \S*python:([\d.]+)", text, re.MULTILINE)[-1] + ".0"
    return {
        "implementation_name": "cpython",
        "os_name": "posix",
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": python,
        "python_version": python.rpartition(".")[0],
        "sys_platform": "linux",
    }
