"""The kubelet and kube-proxy: what makes this machine a node."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import yaml

from consumer.embedded.process import free_port
from tests.cluster.node import network
from tests.cluster.node.certificates import Authority
from tests.cluster.node.containerd import Containerd
from tests.cluster.node.processes import Processes
from tests.tools import tool

NAME = "here"


def start_kubelet(
    folder: Path,
    kubeconfig: Path,
    authority: Authority,
    containerd: Containerd,
    processes: Processes,
) -> None:
    """Starts it; the node is ready some seconds later."""
    serving = authority.issue("kubelet", network.HOST)
    settings: dict[str, Any] = {
        "kind": "KubeletConfiguration",
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "address": network.HOST,
        "port": free_port(),
        "healthzPort": 0,
        "tlsCertFile": str(serving.certificate),
        "tlsPrivateKeyFile": str(serving.key),
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(authority.certificate)},
        },
        "authorization": {"mode": "AlwaysAllow"},
        "containerRuntimeEndpoint": f"unix://{containerd.socket}",
        "makeIPTablesUtilChains": False,
        "cgroupDriver": "cgroupfs",
        "failCgroupV1": False,
        "failSwapOn": False,
        "enforceNodeAllocatable": [],
        "clusterDNS": [network.HOST],
        "clusterDomain": "cluster.local",
        "podLogsDir": str(folder / "pods"),
        "volumePluginDir": str(folder / "plugins"),
        # A developer's disk may be nearly full; the images loaded here must not be collected for that.
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
        "imageMaximumGCAge": "0s",
        # A container that was killed comes back at once, not after 10 s, 20 s, 40 s and so on.
        "crashLoopBackOff": {"maxContainerRestartPeriod": "10s"},
        "featureGates": {"KubeletCrashLoopBackOffMax": True},
    }
    file = folder / "kubelet.yaml"
    file.write_text(yaml.safe_dump(settings))
    processes.start(
        "kubelet",
        [
            tool("kubelet"),
            f"--config={file}",
            f"--kubeconfig={kubeconfig}",
            f"--root-dir={folder / 'kubelet'}",
            f"--cert-dir={folder}",
            f"--hostname-override={NAME}",
            f"--node-ip={network.HOST}",
        ],
    )


def start_proxy(folder: Path, kubeconfig: Path, processes: Processes) -> None:
    """Starts kube-proxy, which leads a Service's address to its pods."""
    settings: dict[str, Any] = {
        "kind": "KubeProxyConfiguration",
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "mode": "iptables",
        "clientConnection": {"kubeconfig": str(kubeconfig)},
        "clusterCIDR": network.PODS,
        "hostnameOverride": NAME,
        "bindAddress": network.HOST,
        "healthzBindAddress": "",
        "metricsBindAddress": f"127.0.0.1:{free_port()}",
        # The machine's own limits of connections are not a test's to change.
        "conntrack": {
            "maxPerCore": 0,
            "min": 0,
            "tcpEstablishedTimeout": "0s",
            "tcpCloseWaitTimeout": "0s",
        },
    }
    file = folder / "kube-proxy.yaml"
    file.write_text(yaml.safe_dump(settings))
    processes.start("kube-proxy", [tool("kube-proxy"), f"--config={file}"])


def remove_rules() -> None:
    """The rules of iptables: kube-proxy removes its own, and the kubelet nothing."""
    subprocess.run([tool("kube-proxy"), "--cleanup"], capture_output=True)
    for chain in ("INPUT", "OUTPUT"):
        subprocess.run(["iptables", "-D", chain, "-j", "KUBE-FIREWALL"], capture_output=True)
    for verb in ("-F", "-X"):
        subprocess.run(["iptables", verb, "KUBE-FIREWALL"], capture_output=True)
