"""The restricted Pod Security profile, as Kubernetes defines it, and what we want besides."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

#: The kinds of volumes that the profile allows.
VOLUMES = frozenset(
    [
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
    ]
)
_SECCOMP = ("RuntimeDefault", "Localhost")
_CONTAINERS = ("containers", "initContainers", "ephemeralContainers")


def violations(pod: dict[str, Any]) -> list[str]:
    """What the spec of a pod says, or does not say, against the profile."""
    return [
        *_of_pod(pod),
        *(
            f"{container['name']}: {found}"
            for kind in _CONTAINERS
            for container in pod.get(kind, [])
            for found in _of_container(container, pod.get("securityContext", {}))
        ),
    ]


def _of_pod(pod: dict[str, Any]) -> Iterator[str]:
    for namespace in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(namespace):
            yield f"{namespace} is true"
    for volume in pod.get("volumes", []):
        if strange := set(volume) - {"name"} - VOLUMES:
            yield f"the volume {volume['name']} is of kind {', '.join(strange)}"
    if pod.get("securityContext", {}).get("sysctls"):
        yield "sysctls are set"
    # Not of the profile: a worker does not speak to Kubernetes.
    if pod.get("automountServiceAccountToken") is not False:
        yield "a token of Kubernetes is mounted"


def _of_container(container: dict[str, Any], of_pod: dict[str, Any]) -> Iterator[str]:
    its = container.get("securityContext", {})
    both = of_pod | its
    if its.get("privileged"):
        yield "it is privileged"
    if its.get("allowPrivilegeEscalation") is not False:
        yield "privileges may escalate"
    if its.get("capabilities", {}).get("drop") != ["ALL"]:
        yield "not all capabilities are dropped"
    if set(its.get("capabilities", {}).get("add", [])) - {"NET_BIND_SERVICE"}:
        yield "capabilities are added"
    if both.get("runAsNonRoot") is not True:
        yield "it may run as root"
    if both.get("runAsUser") == 0:
        yield "it runs as uid 0"
    if both.get("seccompProfile", {}).get("type") not in _SECCOMP:
        yield "no seccomp profile"
    if its.get("procMount", "Default") != "Default":
        yield "procMount is not the default"
    if any(port.get("hostPort") for port in container.get("ports", [])):
        yield "a port of the host"


def pods(manifests: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The spec of every pod, wherever it stands: whatever holds containers."""
    for manifest in manifests:
        yield from _pods_in(manifest)


def _pods_in(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, list):
        for each in node:
            yield from _pods_in(each)
    elif isinstance(node, dict):
        if isinstance(node.get("containers"), list):
            yield node
        for each in node.values():
            yield from _pods_in(each)
