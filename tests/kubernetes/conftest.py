"""What the stories share: a cluster, images in it, servers outside it; and a table of pauses at the end."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.containers import ContainersMissing
from tests.kubernetes import pauses
from tests.kubernetes.ground import Ground, ground
from tests.kubernetes.images import Images, images
from tests.kubernetes.outside import Outside, outside
from tests.kubernetes.pods import Pods
from tests.kubernetes.story import Story
from tests.servers import Missing
from tests.tools import ToolMissing

_PAUSES = pytest.StashKey[list[pauses.Pause]]()

Begin = Callable[..., Story]


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_PAUSES] = []


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """They take a cluster and a quarter of an hour, so they play only where they are named."""
    return None if any("kubernetes" in arg for arg in config.args) else True


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """The longest pauses."""
    told = config.stash[_PAUSES]
    if lines := pauses.table(told):
        terminalreporter.section("the longest pause of a partition")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session", name="ground")
def _ground() -> Iterator[Ground]:
    with ExitStack() as stack:
        try:
            found = stack.enter_context(ground())
        except ToolMissing as missing:
            _unavailable(missing)
        yield found


@pytest.fixture(scope="session", name="images")
def _images(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Images:
    try:
        return images(ground, tmp_path_factory.mktemp("images"))
    except ContainersMissing as missing:
        _unavailable(missing)


@pytest.fixture(scope="session", name="outside")
def _outside(ground: Ground) -> Iterator[Outside]:
    with ExitStack() as stack:
        try:
            found = stack.enter_context(outside(ground.cluster.host))
        except Missing as missing:
            _unavailable(missing)
        yield found


@pytest.fixture
def begin(
    ground: Ground, images: Images, outside: Outside, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Begin]:
    """`begin(source="redis", partitions=4)` makes a story in a namespace that enforces restricted Pod Security."""
    with ExitStack() as stack:

        def begun(*, source: str = "kafka", partitions: int = 8) -> Story:
            cluster = ground.cluster
            namespace = f"{_short(request.node.name)}-{secrets.token_hex(2)}"
            cluster.kubectl("create", "namespace", namespace)
            restricted = "pod-security.kubernetes.io/enforce=restricted"
            cluster.kubectl("label", "namespace", namespace, restricted)
            folder = tmp_path / namespace
            folder.mkdir()
            told = request.config.stash[_PAUSES]
            pods = Pods(cluster, namespace, folder)
            story = Story(
                cluster, outside, namespace, folder, images.first, pods, source, partitions, told
            )
            stack.callback(story.close)
            stack.push(_tells(story))
            story.begins()
            return story

        yield begun


@pytest.fixture
def story(begin: Begin) -> Story:
    """A story on Kafka with 8 partitions; nothing is installed yet."""
    return begin()


def _tells(story: Story) -> Any:
    """Where a story fails: what became of its pods, and the ends of their logs."""

    def tell(kind: object, cause: object, trace: object) -> None:
        print(story.kubectl("get", "all,events", "-o", "wide"))  # noqa: T201  pytest shows it on failure alone
        for pod in story.pods.all():
            print(pod, *story.pods.log(pod)[-12:], sep="\n  ")  # noqa: T201

    return tell


def _short(name: str) -> str:
    """Of a test's name what fits a namespace's, with what is added, and a database's."""
    words = re.sub(r"[^a-z0-9]+", "-", name.removeprefix("test_").lower())
    return words[:20].strip("-")


def _unavailable(missing: Exception) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(f"no stories on Kubernetes: {missing}", pytrace=False)
    pytest.skip(f"no stories on Kubernetes: {missing}")
