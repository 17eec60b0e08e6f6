"""metrics-server: the CPU and memory of pods, for `kubectl top` and for autoscaling on CPU."""

from __future__ import annotations

from consumer.embedded.process import free_port
from tests.cluster.addons.aggregated import aggregate
from tests.cluster.node import Node
from tests.tools import tool


def start_metrics_server(node: Node) -> None:
    """Starts it; it knows a pod some 20 s after the pod began."""
    port = free_port()
    serving = node.authority.issue("metrics-server", node.host)
    node.processes.start(
        "metrics-server",
        [
            tool("metrics-server"),
            f"--kubeconfig={node.kubeconfig}",
            f"--authentication-kubeconfig={node.kubeconfig}",
            f"--authorization-kubeconfig={node.kubeconfig}",
            f"--bind-address={node.host}",
            f"--secure-port={port}",
            f"--tls-cert-file={serving.certificate}",
            f"--tls-private-key-file={serving.key}",
            f"--kubelet-certificate-authority={node.authority.certificate}",
            f"--kubelet-client-certificate={serving.certificate}",
            f"--kubelet-client-key={serving.key}",
            "--kubelet-use-node-status-port",
            "--kubelet-preferred-address-types=InternalIP",
            # The least that it takes; a look must take less than from one to the next.
            "--metric-resolution=10s",
            "--kubelet-request-timeout=5s",
        ],
    )
    aggregate(node, "metrics-server", "metrics.k8s.io", "v1beta1", port)
