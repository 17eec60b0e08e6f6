"""The images that the stories' pods run."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from tests.containers import base, build, save
from tests.fleet import ROOT
from tests.kubernetes.ground import Ground

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Images:
    """Two releases of one image with a projector in it: what they are is the same."""

    first: str
    second: str


def images(ground: Ground, folder: Path) -> Images:
    """Built of the project's Dockerfile, and in the cluster."""
    if ground.load is None:
        first, second = os.environ["PROJECTIONS_TEST_IMAGE"].split(",")
        return Images(first, second)
    base()
    build("localhost/projection-consumer:latest", ROOT)
    return Images(_built("1", ground, folder), _built("2", ground, folder))


def _built(release: str, ground: Ground, folder: Path) -> str:
    name = f"localhost/chains:{release}"
    archive = folder / f"chains-{release}.tar"
    # A cached layer would be that of the other release.
    build(name, HERE / "image", cached=False, arguments=(f"--build-arg=RELEASE={release}",))
    save(name, archive)
    assert ground.load
    ground.load(archive)
    archive.unlink()
    return name
