"""containerd with folders of its own, beside one that the machine may have."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.cluster.node import network
from tests.cluster.node.images import PAUSE
from tests.cluster.node.processes import Processes
from tests.tools import ToolMissing

#: Where Debian's containernetworking-plugins are.
PLUGINS = Path("/usr/lib/cni")

_SETTINGS = """
version = 2
root = "{folder}/root"
state = "{folder}/state"
[grpc]
  address = "{folder}/socket"
[ttrpc]
  address = "{folder}/ttrpc"
[plugins."io.containerd.internal.v1.opt"]
  path = "{folder}/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  # This machine may not raise a process's limits above its own.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{plugins}"
    conf_dir = "{folder}/network"
"""


class Containerd:
    """What runs the containers of the node; `socket` is where it listens."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.socket = folder / "socket"

    def start(self, processes: Processes) -> None:
        """Starts it. Raises `ToolMissing` where Debian's packages are missing."""
        program = shutil.which("containerd")
        if not program or not shutil.which("runc") or not (PLUGINS / "bridge").exists():
            raise ToolMissing("a node needs Debian's containerd, runc, containernetworking-plugins")
        network.describe(self._folder / "network", self._folder / "leases")
        settings = self._folder / "config.toml"
        settings.write_text(_SETTINGS.format(folder=self._folder, pause=PAUSE, plugins=PLUGINS))
        processes.start("containerd", [program, "--config", settings])

    def answers(self) -> bool:
        return self._ctr("version").returncode == 0

    def load(self, archive: Path) -> None:
        """Takes the images of an archive, as `podman save --format docker-archive` writes them."""
        done = self._ctr("images", "import", "--no-unpack", str(archive))
        if done.returncode:
            raise RuntimeError(f"containerd did not take {archive}: {done.stderr}")

    def kill_all(self) -> None:
        """Ends what still runs in containers, for the way down."""
        for task in self._ctr("tasks", "list", "--quiet").stdout.split():
            self._ctr("tasks", "kill", "--signal", "SIGKILL", task)
            self._ctr("tasks", "delete", "--force", task)

    def _ctr(self, *args: str) -> subprocess.CompletedProcess[str]:
        command = ["ctr", "--address", str(self.socket), "--namespace", "k8s.io", *args]
        return subprocess.run(command, capture_output=True, text=True, timeout=120)
