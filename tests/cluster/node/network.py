"""The bridge that pods are on, and this machine's address on it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

BRIDGE = "projections0"
#: Its own, or it would take that of a pod, and another one when that pod goes: the others would then send to an
#: address that is gone, for seconds.
_ADDRESS = "02:70:72:6f:6a:00"
#: This machine as pods see it; its servers that pods use listen here.
HOST = "10.244.0.1"
PODS = "10.244.0.0/16"
SERVICES = "10.96.0.0/16"


def make_bridge() -> None:
    """Makes the bridge before the first pod is there, so that servers can listen at its address."""
    subprocess.run(["ip", "link", "add", BRIDGE, "address", _ADDRESS, "type", "bridge"], check=True)
    subprocess.run(["ip", "address", "add", f"{HOST}/16", "dev", BRIDGE], check=True)
    subprocess.run(["ip", "link", "set", BRIDGE, "up"], check=True)
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


def remove_bridge() -> None:
    """Removes it, where it is there."""
    if Path(f"/sys/class/net/{BRIDGE}").exists():
        subprocess.run(["ip", "link", "delete", BRIDGE], check=True)


def describe(folder: Path, leases: Path) -> None:
    """Writes into `folder` how a pod is put on the bridge; `leases` is where addresses are kept."""
    folder.mkdir(parents=True)
    bridge = {
        "type": "bridge",
        "bridge": BRIDGE,
        "isGateway": True,
        "hairpinMode": True,
        "ipam": {
            "type": "host-local",
            "dataDir": str(leases),
            "ranges": [[{"subnet": PODS, "gateway": HOST}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    network = {"cniVersion": "0.4.0", "name": "projections", "plugins": [bridge]}
    (folder / "10-bridge.conflist").write_text(json.dumps(network))
