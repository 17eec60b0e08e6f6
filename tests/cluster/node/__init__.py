"""A single-node Kubernetes on this machine: real control plane, kubelet and containers, without a registry.

There is one at most: its bridge, its rules and its folder are the machine's. It needs root.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.cluster import Cluster, ClusterError
from tests.cluster.node import images, network
from tests.cluster.node.certificates import Authority
from tests.cluster.node.containerd import Containerd
from tests.cluster.node.control_plane import ControlPlane
from tests.cluster.node.processes import Processes
from tests.cluster.node.worker import NAME, remove_rules, start_kubelet, start_proxy
from tests.tools import ToolMissing, tool

#: Not under /run, which may be memory: images are unpacked here.
FOLDER = Path("/var/lib/projection-consumer-node")


@dataclass(frozen=True)
class Node:
    """The node while it comes up, for what is added to it: names, metrics, autoscaling."""

    folder: Path
    cluster: Cluster
    authority: Authority
    processes: Processes

    @property
    def host(self) -> str:
        """This machine's address on the pods' bridge."""
        return self.cluster.host

    @property
    def kubeconfig(self) -> Path:
        """The file with which its administrator speaks to the API server."""
        return self.cluster.kubeconfig


def there() -> Cluster | None:
    """The node's cluster, where it is up."""
    kubeconfig = FOLDER / "kubeconfig"
    if not (FOLDER / "ready").exists() or Processes(FOLDER / "processes").ended():
        return None
    return Cluster(kubeconfig, network.HOST)


def up() -> Node:
    """Starts it, which takes some 20 s once its programs are built. Raises `ToolMissing`."""
    if os.geteuid():
        raise ToolMissing("a node of one's own needs root: containers, a bridge, rules of iptables")
    down()
    FOLDER.mkdir(parents=True)
    FOLDER.chmod(0o700)
    processes = Processes(FOLDER / "processes")
    network.make_bridge()
    containerd = Containerd(FOLDER / "containerd")
    (FOLDER / "containerd").mkdir()
    containerd.start(processes)
    authority = Authority(FOLDER / "certificates")
    plane = ControlPlane.start(FOLDER, authority, processes)
    cluster = Cluster(plane.kubeconfig, network.HOST)
    _until(containerd.answers, "containerd answers", processes)
    containerd.load(images.archive(images.PAUSE, tool("pause"), FOLDER / "pause.tar"))
    _until(
        lambda: _answers(cluster, "get", "--raw", "/readyz"), "the API server answers", processes
    )
    start_kubelet(FOLDER, plane.kubeconfig, authority, containerd, processes)
    start_proxy(FOLDER, plane.kubeconfig, processes)
    return Node(FOLDER, cluster, authority, processes)


def ready(node: Node) -> None:
    """Waits until pods can run and every API of the cluster answers, then says that the node is there."""
    for condition, objects in (("Ready", f"node/{NAME}"), ("Available", "apiservices --all")):
        waiting = ("wait", f"--for=condition={condition}", "--timeout=10s", *objects.split())
        _until(partial(_answers, node.cluster, *waiting), f"{objects}: {condition}", node.processes)
    (node.folder / "ready").touch()


def down() -> None:
    """Stops what `up` started and removes what it made; nothing of it is there is fine too."""
    if not FOLDER.exists():
        return
    processes = Processes(FOLDER / "processes")
    if cluster := there():
        (FOLDER / "ready").unlink()
        # Nobody makes them anew; the kubelet takes their networks down with them.
        processes.stop("kube-controller-manager")
        cluster_says(cluster, "delete", "pods", "--all", "-A", "--grace-period=1")
    processes.stop("kubelet")
    Containerd(FOLDER / "containerd").kill_all()
    processes.stop_all()
    remove_rules()
    _unmount()
    _remove_groups()
    network.remove_bridge()
    shutil.rmtree(FOLDER)


def cluster_says(cluster: Cluster, *args: str) -> str:
    """What kubectl prints, or nothing where it fails."""
    try:
        return cluster.kubectl(*args)
    except (ClusterError, subprocess.TimeoutExpired):
        return ""


def _answers(cluster: Cluster, *args: str) -> bool:
    return bool(cluster_says(cluster, *args))


def _until(condition: Callable[[], bool], what: str, processes: Processes) -> None:
    until = time.monotonic() + 120
    while not condition():
        if ended := processes.ended():
            said = processes.log(ended[0]).read_text()[-2000:]
            raise ClusterError(f"{what}: never, for {ended[0]} ended: {said}")
        if time.monotonic() > until:
            raise ClusterError(f"{what}: not within two minutes; logs in {FOLDER / 'processes'}")
        time.sleep(0.1)


def _unmount() -> None:
    """What containers had mounted under the node's folder, the innermost first."""
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in sorted(mounts, reverse=True):
        if Path(mount).is_relative_to(FOLDER):
            subprocess.run(["umount", "--lazy", mount], check=True)


def _remove_groups() -> None:
    """The control groups that the kubelet made and leaves behind, empty; the innermost first."""
    for root in Path("/sys/fs/cgroup").glob("**/kubepods"):
        for group in sorted(root.glob("**/"), reverse=True):
            group.rmdir()
