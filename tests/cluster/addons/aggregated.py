"""An API that a process of this machine serves, as a part of the cluster's own."""

from __future__ import annotations

import json
from typing import Any

from tests.cluster.node import Node


def aggregate(node: Node, name: str, group: str, version: str, port: int) -> None:
    """Makes `group/version` an API of the cluster: the one which listens on `port` of this machine."""
    manifests = [_service(name), _endpoint(name, node.host, port), _api(name, group, version)]
    listed = {"apiVersion": "v1", "kind": "List", "items": manifests}
    node.cluster.kubectl("apply", "-f", "-", stdin=json.dumps(listed))


def _service(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "kube-system"},
        "spec": {"ports": [{"name": "https", "port": 443}]},
    }


def _endpoint(name: str, host: str, port: int) -> dict[str, Any]:
    """Where the Service leads; it has no pods that would tell."""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": name,
            "namespace": "kube-system",
            "labels": {"kubernetes.io/service-name": name},
        },
        "addressType": "IPv4",
        "ports": [{"name": "https", "port": port}],
        "endpoints": [{"addresses": [host]}],
    }


def _api(name: str, group: str, version: str) -> dict[str, Any]:
    return {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": f"{version}.{group}"},
        "spec": {
            "group": group,
            "version": version,
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "insecureSkipTLSVerify": True,
            "service": {"name": name, "namespace": "kube-system"},
        },
    }
