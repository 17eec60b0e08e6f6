"""KEDA: autoscaling on lag, from zero too. Its operator reads brokers, its adapter tells the autoscaler."""

from __future__ import annotations

import shutil

from consumer.embedded.process import free_port
from tests.cluster.addons.aggregated import aggregate
from tests.cluster.node import Node
from tests.tools import sources, tool

_NAMESPACE = "keda"
_ENVIRONMENT = {
    "KEDA_CLUSTER_OBJECT_NAMESPACE": _NAMESPACE,
    "KEDA_HTTP_DEFAULT_TIMEOUT": "3000",
    "POD_NAMESPACE": _NAMESPACE,
    "WATCH_NAMESPACE": "",
}


def start_keda(node: Node) -> None:
    """Starts both, after the kinds of objects that they look for are known."""
    node.cluster.kubectl("create", "namespace", _NAMESPACE)
    kinds = sources("keda", "github.com/kedacore/keda/v2") / "config" / "crd" / "bases"
    node.cluster.kubectl("apply", "--server-side", "-f", str(kinds))
    between, port = free_port(), free_port()
    certificates = node.folder / "keda"
    certificates.mkdir()
    pair = node.authority.issue("keda", "localhost", node.host)
    shutil.copy(node.authority.certificate, certificates / "ca.crt")
    shutil.copy(pair.certificate, certificates / "tls.crt")
    shutil.copy(pair.key, certificates / "tls.key")
    node.processes.start(
        "keda-operator",
        [
            tool("keda-operator"),
            f"--kubeconfig={node.kubeconfig}",
            f"--cert-dir={certificates}",
            "--enable-cert-rotation=false",
            f"--metrics-service-bind-address=127.0.0.1:{between}",
            f"--metrics-bind-address=127.0.0.1:{free_port()}",
            f"--health-probe-bind-address=127.0.0.1:{free_port()}",
        ],
        _ENVIRONMENT,
    )
    node.processes.start(
        "keda-adapter",
        [
            tool("keda-adapter"),
            f"--kubeconfig={node.kubeconfig}",
            f"--authentication-kubeconfig={node.kubeconfig}",
            f"--authorization-kubeconfig={node.kubeconfig}",
            f"--lister-kubeconfig={node.kubeconfig}",
            f"--bind-address={node.host}",
            f"--secure-port={port}",
            f"--cert-dir={certificates}",
            f"--tls-cert-file={pair.certificate}",
            f"--tls-private-key-file={pair.key}",
            f"--metrics-service-address=localhost:{between}",
        ],
        _ENVIRONMENT,
    )
    aggregate(node, "keda-adapter", "external.metrics.k8s.io", "v1beta1", port)
