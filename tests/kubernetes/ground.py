"""The cluster on which the stories play: KUBECONFIG's, else kind where Docker answers, else a node built here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cluster import Cluster, node
from tests.cluster.node.containerd import Containerd
from tests.tools import ToolMissing

_KIND = "projection-consumer"
_HOST, _IMAGE = "PROJECTIONS_TEST_HOST", "PROJECTIONS_TEST_IMAGE"


@dataclass(frozen=True)
class Ground:
    """A cluster, and how an image gets into it."""

    cluster: Cluster
    #: Takes what `podman save` wrote. None: images are there already, as `PROJECTIONS_TEST_IMAGE` says.
    load: Callable[[Path], None] | None


@contextmanager
def ground() -> Iterator[Ground]:
    """What the stories made is removed afterwards; a node that was up stays up."""
    if given := os.environ.get("KUBECONFIG"):
        yield _given(Path(given))
    elif shutil.which("kind") and _docker_answers():
        yield from _kind()
    else:
        yield from _node()


def _given(kubeconfig: Path) -> Ground:
    own = node.FOLDER / "kubeconfig"
    if own.exists() and own.read_bytes() == kubeconfig.read_bytes():
        return _built(Cluster(kubeconfig, node.network.HOST))
    if not {_HOST, _IMAGE} <= os.environ.keys():
        raise ToolMissing(
            f"KUBECONFIG names a cluster, so say {_HOST}, this machine's address as its pods reach it, and {_IMAGE}, "
            "two images that it has, with a comma between; or unset KUBECONFIG"
        )
    return Ground(Cluster(kubeconfig, os.environ[_HOST]), None)


def _node() -> Iterator[Ground]:
    was_up = node.there()
    _told("up")
    cluster = node.there()
    assert cluster, "the node is up"
    try:
        yield _built(cluster)
    finally:
        if not was_up:
            _told("down")


def _told(verb: str) -> None:
    """As a developer does: who comes while another is at it waits."""
    command = [sys.executable, "-m", "tests.cluster", verb]
    if subprocess.run(command, stdout=sys.stderr.fileno()).returncode:
        raise ToolMissing(f"the node built here did not go {verb}; it says why above")


def _built(cluster: Cluster) -> Ground:
    return Ground(cluster, Containerd(node.FOLDER / "containerd").load)


def _kind() -> Iterator[Ground]:
    kubeconfig = Path("build/cluster/kind-kubeconfig").resolve()
    kubeconfig.parent.mkdir(parents=True, exist_ok=True)
    naming = ("--name", _KIND)
    _run("kind", "create", "cluster", *naming, "--kubeconfig", str(kubeconfig), "--wait", "120s")
    gateway = "{{(index .IPAM.Config 0).Gateway}}"
    try:
        host = _run("docker", "network", "inspect", "kind", "--format", gateway).strip()
        cluster = Cluster(kubeconfig, host)
        yield Ground(cluster, _load_into_kind)
    finally:
        _run("kind", "delete", "cluster", *naming)


def _load_into_kind(archive: Path) -> None:
    _run("kind", "load", "image-archive", str(archive), "--name", _KIND)


def _docker_answers() -> bool:
    return (
        bool(shutil.which("docker"))
        and not subprocess.run(["docker", "info"], capture_output=True, timeout=30).returncode
    )


def _run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
