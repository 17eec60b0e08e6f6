"""etcd, API server, controller manager and scheduler."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

import yaml

from consumer.embedded.process import free_port
from tests.cluster.node import network
from tests.cluster.node.certificates import Authority, Pair, signing_key
from tests.cluster.node.processes import Processes
from tests.tools import tool


@dataclass(frozen=True)
class ControlPlane:
    """What the API server is reached by, and by whom."""

    kubeconfig: Path
    kubelet_client: Pair

    @classmethod
    def start(cls, folder: Path, authority: Authority, processes: Processes) -> ControlPlane:
        """Starts all four; they find each other in their own time."""
        etcd = _etcd(folder, processes)
        token = secrets.token_urlsafe()
        port = free_port()
        plane = cls(folder / "kubeconfig", authority.issue("kubelet-client"))
        plane.kubeconfig.write_text(_kubeconfig(port, token, authority))
        plane.kubeconfig.chmod(0o600)
        key = signing_key(folder / "accounts.key")
        processes.start(
            "kube-apiserver", _api_server(folder, authority, plane, etcd, port, token, key)
        )
        processes.start(
            "kube-controller-manager",
            [
                tool("kube-controller-manager"),
                f"--kubeconfig={plane.kubeconfig}",
                f"--service-account-private-key-file={key}",
                f"--root-ca-file={authority.certificate}",
                # A node that is gone is not what the stories are about, and a busy machine is none.
                "--node-monitor-grace-period=120s",
                # An autoscaler looks every 15 s otherwise, and waits for a pod's first 5 minutes.
                "--horizontal-pod-autoscaler-sync-period=5s",
                "--horizontal-pod-autoscaler-cpu-initialization-period=10s",
                "--horizontal-pod-autoscaler-initial-readiness-delay=5s",
                *_quiet(),
            ],
        )
        processes.start(
            "kube-scheduler",
            [tool("kube-scheduler"), f"--kubeconfig={plane.kubeconfig}", *_quiet()],
        )
        return plane


def _quiet() -> list[str]:
    """One of each: nothing to elect, and nobody who reads their metrics."""
    return ["--leader-elect=false", "--secure-port=0", "--bind-address=127.0.0.1"]


def _etcd(folder: Path, processes: Processes) -> str:
    client, peer = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    processes.start(
        "etcd",
        [
            tool("etcd"),
            f"--data-dir={folder / 'etcd'}",
            "--unsafe-no-fsync",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
        ],
    )
    return client


def _api_server(
    folder: Path,
    authority: Authority,
    plane: ControlPlane,
    etcd: str,
    port: int,
    token: str,
    key: Path,
) -> list[str | Path]:
    serving = authority.issue("api-server", network.HOST, "localhost")
    proxy = authority.issue("front-proxy")
    tokens = folder / "tokens.csv"
    tokens.write_text(f'{token},admin,admin,"system:masters"\n')
    tokens.chmod(0o600)
    return [
        tool("kube-apiserver"),
        f"--etcd-servers={etcd}",
        f"--bind-address={network.HOST}",
        f"--advertise-address={network.HOST}",
        f"--secure-port={port}",
        f"--tls-cert-file={serving.certificate}",
        f"--tls-private-key-file={serving.key}",
        f"--token-auth-file={tokens}",
        # Who serves an API behind this one asks it whom to trust.
        f"--client-ca-file={authority.certificate}",
        f"--service-account-key-file={key}",
        f"--service-account-signing-key-file={key}",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--authorization-mode=RBAC",
        f"--service-cluster-ip-range={network.SERVICES}",
        "--allow-privileged=true",
        "--kubelet-preferred-address-types=InternalIP",
        f"--kubelet-client-certificate={plane.kubelet_client.certificate}",
        f"--kubelet-client-key={plane.kubelet_client.key}",
        # Metrics of pods and of autoscalers are APIs of other servers behind this one.
        "--enable-aggregator-routing=true",
        f"--requestheader-client-ca-file={authority.certificate}",
        "--requestheader-allowed-names=front-proxy",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={proxy.certificate}",
        f"--proxy-client-key-file={proxy.key}",
    ]


def _kubeconfig(port: int, token: str, authority: Authority) -> str:
    name = "projections"
    server = {
        "server": f"https://{network.HOST}:{port}",
        "certificate-authority": str(authority.certificate),
    }
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": server}],
            "users": [{"name": name, "user": {"token": token}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "current-context": name,
        }
    )
