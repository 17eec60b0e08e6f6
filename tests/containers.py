"""Images built and containers run for real, by podman and buildah, on a machine that reaches no registry of images.

Their storage is their own, beside the tools' cache, so that a base image is made once. What the machine
itself is told about containers is neither read nor changed.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.tools import cache

#: What the Dockerfile builds on; here Debian's own Python stands in for it.
BASE = "docker.io/library/python:3.13-slim"

#: Who runs without the right to raise limits, and on either generation of control groups, needs these.
_SETTINGS = """
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[containers]
default_ulimits = ["nofile=16384:16384", "nproc=16384:16384"]
"""

#: How this machine reaches what images are built from: given to a build, never left in an image.
_MACHINE = (Path("/etc/ssl/certs/ca-certificates.crt"), Path("/etc/pip.conf"))


class ContainersMissing(Exception):
    """Images cannot be built or run here; the text says why."""


class ContainersError(Exception):
    """A command failed; the text is what it said."""


def podman(*args: str, stdin: str | None = None, seconds: float = 120) -> str:
    """What podman prints. Raises `ContainersError` with its words where it fails."""
    return _run([*_command("podman"), *args], stdin, seconds)


def base() -> str:
    """The name of the image that stands in for `python:3.13-slim`; made once, which takes half a minute."""
    with locked("lock"):
        if not exists(BASE):
            _make_base()
    return BASE


def exists(tag: str) -> bool:
    """Whether an image is there under this name."""
    return _answers(*_command("podman"), "image", "exists", tag)


def build(
    tag: str,
    context: Path,
    *,
    dockerfile: Path | None = None,
    cached: bool = True,
    arguments: tuple[str, ...] = (),
) -> str:
    """Builds a Dockerfile as it is, and returns the image's name.

    `arguments` are further ones of `buildah build`. Raises `ContainersError` with what the build said.
    """
    base()
    mounts = [f"--volume={file}:{file}:ro" for file in _MACHINE if file.exists()]
    _run(
        [
            *_command("buildah"),
            *("build", "--isolation=chroot", "--network=host", "--pull-never"),
            *(["--layers"] if cached else ["--no-cache"]),
            *mounts,
            *arguments,
            *("--file", str(dockerfile or context / "Dockerfile"), "--tag", tag, str(context)),
        ],
        None,
        600,
    )
    return tag


def inspected(name: str) -> dict[str, Any]:
    """What podman knows of a container or an image."""
    found: list[dict[str, Any]] = json.loads(podman("inspect", name))
    return found[0]


def command(program: str) -> tuple[list[str], dict[str, str]]:
    """Podman or buildah for others to call: the command, and what it wants in the environment."""
    return _command(program), {"CONTAINERS_CONF": _environment()["CONTAINERS_CONF"]}


def save(tag: str, archive: Path) -> None:
    """Writes the image as Docker does, for a cluster to take."""
    archive.unlink(missing_ok=True)
    podman("save", "--quiet", "--format", "docker-archive", "--output", str(archive), tag)


@contextmanager
def running(tag: str, *command: str, options: tuple[str, ...] = ()) -> Iterator[str]:
    """A container in the background: its id. It is gone afterwards, whatever it does."""
    container = podman("run", "--detach", *options, tag, *command).strip()
    try:
        yield container
    finally:
        podman("rm", "--force", "--time=0", container)


@contextmanager
def service() -> Iterator[str]:
    """Podman as a container engine that answers on Docker's API: its address, for DOCKER_HOST."""
    with tempfile.TemporaryDirectory(prefix="podman-") as folder:
        socket = Path(folder) / "socket"
        # Containers inherit the soft limit, and may not have more than the hard one above.
        command = [*_command("podman"), "system", "service", "--time=0", f"unix://{socket}"]
        limited = ["bash", "-c", 'ulimit -Sn 16384; exec "$@"', "bash", *command]
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen(limited, env=_environment(), stdout=log, stderr=log)
        try:
            _until_there(socket, process)
            yield f"unix://{socket}"
        finally:
            process.terminate()
            process.wait(20)


def _until_there(socket: Path, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 20
    while not socket.exists():
        if process.poll() is not None or time.monotonic() > until:
            raise ContainersError(f"podman's service: {(socket.parent / 'log').read_text()}")
        time.sleep(0.02)


def _make_base() -> None:
    if not shutil.which("debootstrap"):
        raise ContainersMissing("no base image: Debian's debootstrap is not there")
    with tempfile.TemporaryDirectory(prefix="base-", dir=_folder()) as folder:
        root, archive = Path(folder) / "root", Path(folder) / "root.tar"
        wanted = "--include=python3,python3-venv,ca-certificates"
        debootstrap = ["debootstrap", "--variant=minbase", wanted, "bookworm", str(root)]
        _run([*debootstrap, _mirror()], None, 600)
        shutil.rmtree(root / "var/cache/apt/archives")
        _run(["tar", "-C", str(root), "-cf", str(archive), "."], None, 120)
        podman("import", str(archive), BASE)


def _mirror() -> str:
    """Where this machine has its own packages from."""
    apt = Path("/etc/apt")
    files = [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))]
    text = "\n".join(file.read_text() for file in files if file.is_file())
    found = re.search(r"^(?:deb|URIs:)\s(?:.*\s)?((?:https?|file):\S+)", text, re.MULTILINE)
    if not found:
        raise ContainersMissing("no base image: /etc/apt names no mirror of Debian")
    return found[1]


def _command(program: str) -> list[str]:
    if os.geteuid():
        raise ContainersMissing("containers of one's own storage need root")
    if not shutil.which(program) or not shutil.which("runc"):
        raise ContainersMissing(f"Debian's {program} or runc is not on the PATH")
    storage = _folder()
    return [
        program,
        *("--root", str(storage / "images"), "--runroot", str(storage / "run")),
        *("--storage-driver", "overlay"),
    ]


def _folder() -> Path:
    folder = cache() / "containers"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _environment() -> dict[str, str]:
    file = _folder() / "containers.conf"
    if not file.exists():
        file.write_text(_SETTINGS)
    return {**os.environ, "CONTAINERS_CONF": str(file)}


def _run(command: list[str], stdin: str | None, seconds: float) -> str:
    done = subprocess.run(
        command,
        input=stdin,
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    if done.returncode:
        said = "\n".join(filter(None, [done.stdout, done.stderr]))[-4000:]
        raise ContainersError(f"{' '.join(command[:1] + command[7:])}: {said}")
    return done.stdout


def _answers(*command: str) -> bool:
    return not subprocess.run(command, env=_environment(), capture_output=True).returncode


@contextmanager
def locked(name: str) -> Iterator[None]:
    """One process of this machine at a time makes what bears the name."""
    with (_folder() / name).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
