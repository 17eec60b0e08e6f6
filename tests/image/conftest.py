"""The image of the project's own Dockerfile, built anew for the run."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import containers
from tests.fleet import ROOT

#: What `make image` says; that it says so is a test of its own.
TOLD = {
    "VERSION": "1.2.3",
    "REVISION": "0123456789abcdef",
    "SOURCE": "https://git.example/projection-consumer",
    "CREATED": "2026-11-24T05:00:00+00:00",
}


@dataclass(frozen=True)
class Image:
    """An image, and its files in a folder of this machine, to look at."""

    name: str
    files: Path
    base_files: Path

    def inspected(self) -> dict[str, Any]:
        return containers.inspected(self.name)


@pytest.fixture(scope="session")
def image() -> Iterator[Image]:
    name = f"localhost/projection-consumer-{secrets.token_hex(4)}"
    arguments = tuple(f"--build-arg={key}={value}" for key, value in TOLD.items())
    try:
        containers.build(name, ROOT, cached=False, arguments=arguments)
    except containers.ContainersMissing as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(f"containers are missing: {missing}", pytrace=False)
        pytest.skip(f"containers are missing: {missing}")
    mounts = [containers.podman("image", "mount", each).strip() for each in (name, containers.BASE)]
    yield Image(name, Path(mounts[0]), Path(mounts[1]))
    for each in (name, containers.BASE):
        containers.podman("image", "unmount", each)
    containers.podman("image", "rm", "--force", name)
