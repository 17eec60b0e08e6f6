"""What each object says, key by key: that a value arrives, and what stands there where none is given."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.helm.conftest import SHOP, Refused, Render, the
from tests.helm.matrix import POD, of, streams
from tests.helm.restricted import pods

#: Keys of a pod that stand in it as the values say them, in a worker's, a replay's and a check's alike.
AS_SAID = ("nodeSelector", "tolerations", "affinity", "priorityClassName")


def worker(manifests: list[dict[str, Any]]) -> dict[str, Any]:
    pod: dict[str, Any] = the(manifests, "Deployment")["spec"]["template"]["spec"]
    return pod


def test_what_is_said_of_a_pod_arrives_in_all_of_them(render: Render) -> None:
    image = {"image": {"pullPolicy": "Never"}, "imagePullSecrets": [{"name": "registry"}]}
    manifests = render(SHOP, of(**POD), image)
    for pod in pods(manifests):
        (container,) = pod["containers"]
        assert {key: pod[key] for key in AS_SAID} == {key: POD[key] for key in AS_SAID}
        assert pod["imagePullSecrets"] == [{"name": "registry"}]
        assert container["imagePullPolicy"] == "Never"
        assert container["envFrom"] == POD["envFrom"]
        assert container["env"] == [
            {"name": "PROJECTIONS_CONFIG", "value": "/etc/projections/projections.yaml"},
            *POD["env"],
        ]
        assert container["volumeMounts"][-1] == POD["volumeMounts"][0]
        assert pod["volumes"][-1] == POD["volumes"][0]
        assert (pod["enableServiceLinks"], pod["automountServiceAccountToken"]) == (False, False)
    assert worker(manifests)["topologySpreadConstraints"] == POD["topologySpreadConstraints"]
    assert the(manifests, "PodDisruptionBudget")["spec"]["maxUnavailable"] == "25%"


def test_a_worker_runs_the_projection_that_its_settings_name(render: Render) -> None:
    manifests = render(SHOP, of(name="orders@2"))
    settings = yaml.safe_load(the(manifests, "ConfigMap")["data"]["projections.yaml"])
    assert list(settings["projections"]) == ["orders@2"]
    assert worker(manifests)["containers"][0]["args"] == ["run", "orders@2"]
    replay = the(manifests, "CronJob")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert replay["containers"][0]["args"][2] == "orders@2"


def test_settings_are_mounted_where_the_worker_is_told_to_look(render: Render) -> None:
    for pod in pods(render(SHOP)):
        (container,) = pod["containers"]
        assert container["env"][0]["value"] == "/etc/projections/projections.yaml"
        assert container["volumeMounts"] == [
            {
                "name": "settings",
                "mountPath": "/etc/projections/projections.yaml",
                "subPath": "projections.yaml",
                "readOnly": True,
            },
            {"name": "tmp", "mountPath": "/tmp"},
        ]
        assert pod["volumes"] == [
            {"name": "settings", "configMap": {"name": "shop-orders"}},
            {"name": "tmp", "emptyDir": {}},
        ]


def test_a_workers_life_is_asked_of_its_loop_and_its_traffic_of_its_fleet(render: Render) -> None:
    port = {"settings": {"http": {"port": 8080}}}
    (container,) = worker(render(SHOP, port))["containers"]
    assert container["ports"] == [{"name": "http", "containerPort": 8080}]
    paths = {
        probe: container[f"{probe}Probe"]["httpGet"]
        for probe in ("startup", "liveness", "readiness")
    }
    assert paths == {
        "startup": {"path": "/livez", "port": "http"},
        "liveness": {"path": "/livez", "port": "http"},
        "readiness": {"path": "/readyz", "port": "http"},
    }
    # Time enough for a slow node to start Python, and for a busy one to answer.
    startup, liveness = container["startupProbe"], container["livenessProbe"]
    assert startup["periodSeconds"] * startup["failureThreshold"] >= 120
    assert liveness["periodSeconds"] * liveness["failureThreshold"] >= 30


def test_a_rollout_adds_one_pod_and_takes_none_away_first(render: Render) -> None:
    spec = the(render(SHOP), "Deployment")["spec"]
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert spec["minReadySeconds"] == 10
    assert the(render(SHOP, of(minReadySeconds=0)), "Deployment")["spec"]["minReadySeconds"] == 0
    budget = the(render(SHOP), "PodDisruptionBudget")["spec"]
    assert (budget["maxUnavailable"], budget["unhealthyPodEvictionPolicy"]) == (1, "AlwaysAllow")
    spread = worker(render(SHOP))["topologySpreadConstraints"]
    assert [each["topologyKey"] for each in spread] == [
        "kubernetes.io/hostname",
        "topology.kubernetes.io/zone",
    ]
    assert {each["whenUnsatisfiable"] for each in spread} == {"ScheduleAnyway"}
    assert spread[0]["labelSelector"]["matchLabels"] == spec["selector"]["matchLabels"]


def test_a_replay_waits_for_who_tells_it_to_and_gives_up_what_cannot_work(render: Render) -> None:
    cron = the(render(SHOP, of(replay={"args": ["--to", "5"]})), "CronJob")["spec"]
    assert cron["suspend"] is True
    job = cron["jobTemplate"]["spec"]
    (rule,) = job["podFailurePolicy"]["rules"]
    pod = job["template"]["spec"]
    assert rule["action"] == "FailJob"
    assert rule["onExitCodes"] == {
        "containerName": pod["containers"][0]["name"],
        "operator": "In",
        "values": [1, 2],
    }
    assert job["backoffLimit"] == 6
    assert pod["restartPolicy"] == "Never"
    assert pod["containers"][0]["args"] == ["offsets", "reset", "orders", "--to", "5"]
    assert not {"livenessProbe", "readinessProbe", "ports"} & pod["containers"][0].keys()


def test_a_check_is_a_test_of_helm_that_asks_the_servers_too(render: Render) -> None:
    check = the(render(SHOP), "Pod")
    assert check["metadata"]["annotations"] == {
        "helm.sh/hook": "test",
        "helm.sh/hook-delete-policy": "before-hook-creation",
    }
    assert check["spec"]["containers"][0]["args"] == ["check"]
    assert check["spec"]["restartPolicy"] == "Never"


def test_walls_have_doors_for_metrics_names_and_what_is_said(render: Render) -> None:
    wall = {"enabled": True, "metricsFrom": [{"podSelector": {}}], "egress": [{"ports": [{"port": 9092}]}]}  # fmt: skip
    port = {"settings": {"http": {"port": 8080}}}
    manifests = render(SHOP, port, {"networkPolicy": wall})
    spec = the(manifests, "NetworkPolicy")["spec"]
    assert set(spec["policyTypes"]) == {"Ingress", "Egress"}
    assert spec["ingress"] == [
        {"ports": [{"port": 8080, "protocol": "TCP"}], "from": [{"podSelector": {}}]}
    ]
    dns = {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}
    assert spec["egress"] == [dns, {"ports": [{"port": 9092}]}]
    names = next(each for each in spec["podSelector"]["matchExpressions"] if each["key"].endswith("name"))  # fmt: skip
    replay = the(manifests, "CronJob")["spec"]["jobTemplate"]["spec"]["template"]
    deployment = the(manifests, "Deployment")["spec"]["template"]
    for pod in (deployment, replay, the(manifests, "Pod")):
        assert pod["metadata"]["labels"]["app.kubernetes.io/name"] in names["values"]
    open_wall = the(render(SHOP, {"networkPolicy": {"enabled": True}}), "NetworkPolicy")
    assert "from" not in open_wall["spec"]["ingress"][0]


def test_numbers_of_scaling_arrive(render: Render) -> None:
    numbers = {"minReplicas": 3, "maxReplicas": 7, "scaleDownSeconds": 11}
    hpa = of(scaling={"type": "hpa", **numbers, "hpa": {"cpuPercent": 55}})
    spec = the(render(SHOP, hpa), "HorizontalPodAutoscaler")["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (3, 7)
    assert spec["metrics"][0]["resource"]["target"]["averageUtilization"] == 55
    assert spec["behavior"]["scaleDown"]["stabilizationWindowSeconds"] == 11
    keda = {"pollingInterval": 5, "cooldownPeriod": 6, "lagThreshold": 8, "activationLagThreshold": 9}  # fmt: skip
    orders = {"scaling": {"type": "keda", **numbers, "keda": keda}}
    spec = the(render(SHOP, of(**orders)), "ScaledObject")["spec"]
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (3, 7)
    assert (spec["pollingInterval"], spec["cooldownPeriod"]) == (5, 6)
    down = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]
    assert down["stabilizationWindowSeconds"] == 11
    kafka = spec["triggers"][0]["metadata"]
    assert (kafka["lagThreshold"], kafka["activationLagThreshold"]) == ("8", "9")
    assert kafka["offsetResetPolicy"] == "earliest"
    its = of(settings={"source": {"from": "streams"}}, **orders)
    redis = the(render(SHOP, streams(), its), "ScaledObject")["spec"]["triggers"][0]["metadata"]
    assert (redis["lagCount"], redis["activationLagCount"]) == ("4", "4")  # of each of two streams


def test_objects_of_ones_own_are_templates_as_maps_and_as_text(render: Render) -> None:
    objects = [
        '{apiVersion: v1, kind: ConfigMap, metadata: {name: "{{ .Release.Name }}-a"}}',
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "{{ .Release.Name }}-b"}},
    ]
    names = {each["metadata"]["name"] for each in render(SHOP, {"extraObjects": objects})}
    assert {"shop-a", "shop-b"} <= names


def test_an_account_is_made_or_taken_and_has_no_token(render: Render) -> None:
    made = the(render(SHOP), "ServiceAccount")
    assert (made["metadata"]["name"], made["automountServiceAccountToken"]) == ("shop", False)
    named = render(SHOP, {"serviceAccount": {"name": "mine", "annotations": {"role": "a"}}})
    assert the(named, "ServiceAccount")["metadata"]["annotations"] == {"role": "a"}
    assert worker(named)["serviceAccountName"] == "mine"
    none = render(SHOP, {"serviceAccount": {"create": False}})
    assert worker(none)["serviceAccountName"] == "default"


#: A typo in each part of the values that is closed, and values that Kubernetes would refuse later.
TYPOS: dict[str, dict[str, Any]] = {
    "networkPolicy": {"networkPolicy": {"enable": True}},
    "serviceAccount": {"serviceAccount": {"annotation": {}}},
    "image": {"image": {"tagg": "1"}},
    "orders/image": of(image={"tagg": "1"}),
    "orders/alerts": of(alerts={"lag": 1}),
    "orders/replay": of(replay={"arg": []}),
    "orders/resources": of(resources={"limit": {}}),
    "orders/podDisruptionBudget": of(podDisruptionBudget={"minAvailable": 1}),
    "scaling/keda": of(scaling={"keda": {"lagTreshold": 1}}),
    "scaling/hpa": of(scaling={"hpa": {"cpu": 1}}),
    "settings/http": {"settings": {"http": {"prt": 1}}},
    "monitoring": {"monitoring": {"podMonitors": {}}},
    "monitoring/podMonitor": {"monitoring": {"podMonitor": {"enable": True}}},
    "monitoring/serviceMonitor": {"monitoring": {"serviceMonitor": {"enable": True}}},
    "monitoring/prometheusRule": {"monitoring": {"prometheusRule": {"enable": True}}},
    "monitoring/dashboard": {"monitoring": {"dashboard": {"enable": True}}},
    "imagePullSecrets/0": {"imagePullSecrets": [{"nam": "registry"}]},
    "orders/name": of(name="a b"),
    "image/digest": {"image": {"digest": "sha256:abc"}},
    "image/pullPolicy": {"image": {"pullPolicy": "Sometimes"}},
    "http/port": {"settings": {"http": {"port": 80}}},
    "fullnameOverride": {"fullnameOverride": "Shop"},
    "podDisruptionBudget/maxUnavailable": of(podDisruptionBudget={"maxUnavailable": "some"}),
    "scaling/maxReplicas": of(scaling={"maxReplicas": 0}),
    "keda/lagThreshold": of(scaling={"keda": {"lagThreshold": 0}}),
    "orders/replicas": of(replicas=-1),
}


@pytest.mark.parametrize(("place", "values"), TYPOS.items(), ids=TYPOS)
def test_a_value_that_nobody_knows_is_refused_where_it_stands(
    render: Render, place: str, values: dict[str, Any]
) -> None:
    with pytest.raises(Refused) as refused:
        render(SHOP, values)
    assert f"{place}'" in str(refused.value)
