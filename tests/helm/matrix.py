"""Sets of values that operators have, each laid over the shop's: one for every part of the chart, alone and together."""

from __future__ import annotations

from typing import Any

import yaml

from tests.helm.conftest import CHART, SHOP

ORDERS = SHOP["projections"]["orders"]
DIGEST = "sha256:" + "0" * 64

_ALL_MONITORING = {
    part: {"enabled": True, "labels": {"release": "prometheus"}}
    for part in ("podMonitor", "serviceMonitor", "prometheusRule", "dashboard")
}


def of(**projection: Any) -> dict[str, Any]:
    """Values in which the shop's projection is like this."""
    return {"projections": {"orders": projection}}


def shared(**settings: Any) -> dict[str, Any]:
    """Values with these settings of all projections."""
    return {"settings": settings}


def streams(**more: Any) -> dict[str, Any]:
    """Values in which the shop's projection reads Redis Streams."""
    source = {"redis": {"url": "redis://redis:6379/1", "streams": 2, **more}}
    return {
        "settings": {"sources": {"streams": source}},
        **of(settings={"source": {"from": "streams"}}),
    }


def many(number: int) -> dict[str, Any]:
    return {"projections": {f"view-{each}": ORDERS for each in range(number)}}


#: All that can be said of a pod.
POD: dict[str, Any] = {
    "env": [{"name": "TZ", "value": "UTC"}, {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
    "envFrom": [{"secretRef": {"name": "cloud"}}],
    "existingSecret": "1234",
    "labels": {"team": "shop", "sidecar.istio.io/inject": "false"},
    "podAnnotations": {"cluster-autoscaler.kubernetes.io/safe-to-evict": "true"},
    "terminationGracePeriodSeconds": 60,
    "nodeSelector": {"pool": "workers"},
    "tolerations": [{"key": "pool", "operator": "Equal", "value": "workers", "effect": "NoSchedule"}],
    "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": [{"key": "pool", "operator": "Exists"}]}]}}},
    "topologySpreadConstraints": [{"topologyKey": "rack", "maxSkew": 2, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {"matchLabels": {"team": "shop"}}}],
    "priorityClassName": "high",
    "volumes": [{"name": "ca", "configMap": {"name": "ca"}}],
    "volumeMounts": [{"name": "ca", "mountPath": "/etc/ca", "readOnly": True}],
    "securityContext": {"readOnlyRootFilesystem": False},
    "podDisruptionBudget": {"maxUnavailable": "25%"},
}  # fmt: skip

#: Each by what it stands for.
OVERLAYS: dict[str, dict[str, Any]] = {
    "the shop": {},
    "no projections yet": {"projections": {"orders": None}},
    "everything that watches": {"monitoring": _ALL_MONITORING},
    "everything of a pod": of(**POD),
    "a release for each of fifty": many(50),
    "names as long as they may be": {
        "fullnameOverride": "a-very-long-name-of-a-release-of-53-characters-in-all",
        "projections": {"o" * 40: ORDERS | {"scaling": {"type": "keda"}}},
    },
    "a name with a version": of(name="orders@2", scaling={"type": "keda"}),
    "a private registry": {
        "image": {"repository": "registry.example.com:5000/shop", "digest": DIGEST},
        "imagePullSecrets": [{"name": "registry"}],
    },
    "ids that the cluster gives": {
        "defaults": {
            "podSecurityContext": {"runAsUser": None, "runAsGroup": None, "fsGroup": None}
        }
    },
    "other ids": of(
        podSecurityContext={"runAsUser": 2000, "supplementalGroups": [3000]},
    ),
    "no limits": of(resources={"limits": None}),
    "an account of the cloud": {
        "serviceAccount": {"name": "shop", "annotations": {"iam.example.com/role": "shop"}}
    },
    "an account that is there": {"serviceAccount": {"create": False, "name": "77"}},
    "a network with walls": {
        "networkPolicy": {
            "enabled": True,
            "metricsFrom": [{"namespaceSelector": {}}],
            "egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}],
        }
    },
    "an HPA": of(scaling={"type": "hpa", "minReplicas": 2}),
    "KEDA from 0": of(scaling={"type": "keda", "minReplicas": 0}),
    "KEDA and a broker with credentials": {
        "settings": {
            "sources": {
                "main": {
                    "kafka": {
                        "config": {
                            "security.protocol": "SASL_SSL",
                            "sasl.mechanism": "SCRAM-SHA-256",
                            "ssl.ca.location": "/etc/projections/secrets/ca",
                        }
                    }
                }
            }
        },
        **of(scaling={"type": "keda", "keda": {"authenticationRef": "kafka"}}),
    },
    "KEDA and streams": {
        **streams(),
        **of(settings={"source": {"from": "streams"}}, scaling={"type": "keda"}),
    },
    "Sentinels and a trigger": {
        **streams(url="redis://one:26379,two:26379/0", sentinel="main"),
        **of(
            settings={"source": {"from": "streams"}},
            scaling={"type": "keda", "keda": {"triggers": [{"type": "cpu", "metricType": "Utilization", "metadata": {"value": "70"}}]}},
        ),
    },
    "a Redis Cluster": streams(cluster=True),
    "offsets in PostgreSQL": {
        "settings": {
            "offsets": {
                "redis": None,
                "postgresql": {
                    "url": "postgresql://shop@db/shop",
                    "password_file": "/etc/projections/secrets/db",
                },
            }
        }
    },
    "nothing but Deployments": {
        "defaults": {"replay": {"enabled": False}, "podDisruptionBudget": {"enabled": False}},
        "serviceAccount": {"create": False},
    },
    "part of another chart": {"enabled": True, "global": {"region": "eu"}},
    "objects of one's own": {
        "extraObjects": [
            '{apiVersion: v1, kind: ConfigMap, metadata: {name: "{{ .Release.Name }}-a"}}',
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "{{ .Release.Name }}-b"}},
        ]
    },
}  # fmt: skip

#: The values themselves, whole.
MATRIX: dict[str, tuple[dict[str, Any], ...]] = {
    **{file.stem: (yaml.safe_load(file.read_text()),) for file in sorted((CHART / "examples").glob("*.yaml"))},
    **{name: (SHOP, overlay) for name, overlay in OVERLAYS.items()},
}  # fmt: skip
