"""CoreDNS at the bridge's address: the names of Services, as pods ask for them."""

from __future__ import annotations

from tests.cluster.node import Node
from tests.tools import tool

#: `reload` and `loop` are for a server that outlives its node.
_COREFILE = """
.:53 {{
    bind {host}
    errors
    kubernetes cluster.local {{
        kubeconfig {kubeconfig}
        pods insecure
    }}
    cache 5
}}
"""


def start_dns(node: Node) -> None:
    """Starts it where the kubelet tells pods to ask."""
    corefile = node.folder / "Corefile"
    corefile.write_text(_COREFILE.format(host=node.host, kubeconfig=node.kubeconfig))
    node.processes.start("coredns", [tool("coredns"), "-conf", corefile])
