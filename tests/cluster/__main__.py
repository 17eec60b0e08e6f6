"""`python -m tests.cluster up` makes a Kubernetes of this machine; `down` removes it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from tests.cluster import node

KUBECONFIG = Path("build/cluster/kubeconfig")


def main(command: str) -> None:
    """`up` or `down`."""
    if command == "down":
        node.down()
        return
    if not node.there():
        node.ready(node.up())
    KUBECONFIG.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(node.FOLDER / "kubeconfig", KUBECONFIG)
    sys.stdout.write(f"export KUBECONFIG={KUBECONFIG.resolve()}\n")


main(sys.argv[1])
