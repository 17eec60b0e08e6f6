"""`python -m tests.cluster up` makes a Kubernetes of this machine; `down` removes it."""

from __future__ import annotations

import fcntl
import shutil
import sys
from pathlib import Path

from tests.cluster import node
from tests.cluster.addons.dns import start_dns
from tests.cluster.addons.keda import start_keda
from tests.cluster.addons.metrics import start_metrics_server
from tests.tools import tool

KUBECONFIG = Path("build/cluster/kubeconfig")


def main(command: str) -> None:
    """`up` or `down`; who comes while another is at it waits."""
    with Path("/run/lock/projection-consumer-node").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _do(command)


def _do(command: str) -> None:
    if command == "down":
        node.down()
        return
    if not node.there():
        made = node.up()
        for start in (start_dns, start_metrics_server, start_keda):
            start(made)
        node.ready(made)
    KUBECONFIG.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(node.FOLDER / "kubeconfig", KUBECONFIG)
    sys.stdout.write(f"export KUBECONFIG={KUBECONFIG.resolve()}\n")
    tools = ":".join(str(tool(name).parent) for name in ("kubectl", "helm"))
    sys.stdout.write(f'export PATH="{tools}:$PATH"\n')


main(sys.argv[1])
