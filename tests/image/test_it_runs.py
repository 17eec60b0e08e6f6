"""Workers of the image, as tightly held as pods, over a real Valkey."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from consumer.embedded.valkey import Valkey
from tests import containers
from tests.fleet import ROOT, eventually
from tests.image.conftest import Image
from tests.image.worker import Place, process

EVENTS = 30_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder whose files another user may read."""
    for each in (tmp_path, *tmp_path.parents[:2]):
        each.chmod(0o755)
    return tmp_path


@pytest.fixture
def place(image: Image, folder: Path, own_valkey: Callable[..., Valkey]) -> Place:
    projector = "projectors.examples.orders_board:customers"
    return Place.made(image.name, folder, own_valkey().url, projector)


def test_the_worker_is_process_1_and_has_no_right_at_all(place: Place) -> None:
    place.publish(0, 10)
    with place.running("run", "customers") as container:
        eventually(lambda: place.answers("/readyz"), "the worker is ready")
        found = process(container)
        assert place.answers("/livez")
        assert place.answers("/metrics")
    assert found["NSpid"].split()[-1] == "1"
    assert found["Command"].endswith("/venv/bin/projections run customers")
    assert set(found["Uid"].split()) == set(found["Gid"].split()) == {"10001"}
    assert {int(found[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd")} == {0}
    assert found["NoNewPrivs"] == "1"


def test_stopped_under_load_it_ends_in_good_order_and_each_event_counts_once(place: Place) -> None:
    place.publish(0, EVENTS)
    with place.running("run", "customers") as container:
        eventually(lambda: place.counted() > 0, "the worker applies")
        containers.podman("kill", "--signal=TERM", container)
        # The drain's 20 seconds, and a little for the engine.
        assert containers.podman("wait", container, seconds=30).strip() == "0"
    counted = place.counted()
    assert 0 < counted < EVENTS  # it was under load
    assert counted + place.behind() == EVENTS
    place.says("run", "customers", "--until-caught-up")
    assert (place.counted(), place.behind()) == (EVENTS, 0)


def test_it_is_the_version_of_the_project_and_knows_its_commands(place: Place) -> None:
    place.publish(0, 10)
    assert "projections run" in place.says("run", "--help")
    assert "all is well" in place.says("check")
    python = ("run", "--rm", "--entrypoint", "python", place.image, "-c")
    script = "from importlib.metadata import version; print(version('projection-consumer'))"
    assert containers.podman(*python, script).strip() == version("projection-consumer")


def blocks(kind: str) -> Iterator[tuple[str, str]]:
    """The page's blocks of a kind that name a file: the name, and what is in it."""
    page = (ROOT / "docs" / "kubernetes.md").read_text(encoding="utf-8")
    yield from re.findall(rf"```{kind}\n# (\S+)\n(.*?)```", page, re.DOTALL)


def test_the_image_that_the_page_about_kubernetes_makes_projects_its_own_events(
    image: Image, folder: Path, own_valkey: Callable[..., Valkey]
) -> None:
    (code, projector), (dockerfile, steps) = *blocks("python"), *blocks("dockerfile")
    context = folder / "context"
    (context / code).parent.mkdir(parents=True)
    (context / code).write_text(projector, encoding="utf-8")
    ours = re.sub(r"FROM projection-consumer:\S+", f"FROM {image.name}", steps)
    assert image.name in ours
    (context / dockerfile).write_text(ours, encoding="utf-8")
    name = containers.build(f"{image.name}-shop", context, cached=False)
    try:
        projector = "shop.read_models:customers"
        place = Place.made(name, folder, own_valkey().url, projector)
        place.publish(0, 200)
        place.says("run", "customers", "--until-caught-up")
        assert (place.counted(), place.behind()) == (200, 0)
        assert json.loads(containers.podman("image", "inspect", name))[0]["User"] == "10001:10001"
    finally:
        containers.podman("image", "rm", "--force", name)
