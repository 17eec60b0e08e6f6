"""Every pod fits the restricted Pod Security profile, whatever the values; and the check of it sees what does not."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.helm.conftest import SHOP, Refused, Render
from tests.helm.matrix import MATRIX, of
from tests.helm.restricted import pods, violations

GOOD: dict[str, Any] = {
    "automountServiceAccountToken": False,
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "volumes": [{"name": "tmp", "emptyDir": {}}],
    "containers": [
        {
            "name": "worker",
            "ports": [{"containerPort": 9464}],
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
            },
        }
    ],
}

#: What is laid over the good pod, or over its container; a None takes away.
BAD_PODS: dict[str, tuple[dict[str, Any], str]] = {
    "the host's network": ({"hostNetwork": True}, "hostNetwork"),
    "the host's processes": ({"hostPID": True}, "hostPID"),
    "the host's memory": ({"hostIPC": True}, "hostIPC"),
    "a path of the host": ({"volumes": [{"name": "root", "hostPath": {"path": "/"}}]}, "hostPath"),
    "a volume over the network": ({"volumes": [{"name": "n", "nfs": {}}]}, "nfs"),
    "a token": ({"automountServiceAccountToken": None}, "token"),
    "no context at all": ({"securityContext": None}, "root"),
    "perhaps root": ({"securityContext": {"runAsNonRoot": None}}, "root"),
    "root by number": ({"securityContext": {"runAsUser": 0}}, "uid 0"),
    "no seccomp": ({"securityContext": {"seccompProfile": None}}, "seccomp"),
    "seccomp off": ({"securityContext": {"seccompProfile": {"type": "Unconfined"}}}, "seccomp"),
    "sysctls": ({"securityContext": {"sysctls": [{"name": "a", "value": "1"}]}}, "sysctls"),
    "a bad one beside it": ({"initContainers": [{"name": "init"}]}, "init: "),
}
BAD_CONTAINERS: dict[str, tuple[dict[str, Any], str]] = {
    "privileged": ({"securityContext": {"privileged": True}}, "privileged"),
    "escalation": ({"securityContext": {"allowPrivilegeEscalation": None}}, "escalate"),
    "some capabilities": ({"securityContext": {"capabilities": {"drop": ["KILL"]}}}, "dropped"),
    "more capabilities": (
        {"securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}},
        "added",
    ),
    "root after all": ({"securityContext": {"runAsNonRoot": False}}, "root"),
    "uid 0 after all": ({"securityContext": {"runAsUser": 0}}, "uid 0"),
    "seccomp off after all": (
        {"securityContext": {"seccompProfile": {"type": "Unconfined"}}},
        "seccomp",
    ),
    "all of proc": ({"securityContext": {"procMount": "Unmasked"}}, "procMount"),
    "a port of the host": ({"ports": [{"hostPort": 80}]}, "port of the host"),
}


def laid_over(base: Any, more: Any) -> Any:
    if not (isinstance(base, dict) and isinstance(more, dict)):
        return copy.deepcopy(more)
    merged = {key: laid_over(base.get(key), value) for key, value in more.items()}
    return {key: value for key, value in (base | merged).items() if value is not None}


@pytest.mark.parametrize(("more", "words"), BAD_PODS.values(), ids=BAD_PODS)
def test_a_pod_that_does_not_fit_is_seen(more: dict[str, Any], words: str) -> None:
    assert violations(GOOD) == []
    assert any(words in found for found in violations(laid_over(GOOD, more)))


@pytest.mark.parametrize(("more", "words"), BAD_CONTAINERS.values(), ids=BAD_CONTAINERS)
def test_a_container_that_does_not_fit_is_seen(more: dict[str, Any], words: str) -> None:
    bad = GOOD | {"containers": [laid_over(GOOD["containers"][0], more)]}
    assert any(words in found for found in violations(bad))


@pytest.mark.parametrize("values", MATRIX.values(), ids=MATRIX)
def test_every_pod_fits_whatever_the_values(
    render: Render, values: tuple[dict[str, Any], ...]
) -> None:
    manifests = render(*values)
    found = list(pods(manifests))
    assert [violations(pod) for pod in found] == [[]] * len(found)
    deployments = [each for each in manifests if each["kind"] == "Deployment"]
    checks = [each for each in manifests if each["kind"] == "Pod"]
    replays = [each for each in manifests if each["kind"] == "CronJob"]
    assert len(found) == len(deployments) + len(checks) + len(replays)


def test_a_worker_a_replay_and_a_check_are_the_same_to_the_node(render: Render) -> None:
    contexts = [
        (pod["securityContext"], pod["containers"][0]["securityContext"])
        for pod in pods(render(SHOP))
    ]
    assert len(contexts) == 3
    assert contexts == [
        (
            {
                "runAsNonRoot": True,
                "runAsUser": 10001,
                "runAsGroup": 10001,
                "fsGroup": 10001,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            },
        )
    ] * len(contexts)


@pytest.mark.parametrize("where", ["defaults", "projection"])
def test_an_id_that_the_cluster_gives_is_left_out_and_nothing_else(
    render: Render, where: str
) -> None:
    none = {"podSecurityContext": {"runAsUser": None, "runAsGroup": None, "fsGroup": None}}
    values = {"defaults": none} if where == "defaults" else of(**none)
    for pod in pods(render(SHOP, values)):
        assert pod["securityContext"] == {
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        }


@pytest.mark.parametrize(
    "projection",
    [
        {"podSecurityContext": {"runAsUser": 0}},
        {"podSecurityContext": {"runAsNonRoot": False}},
        {"podSecurityContext": {"seccompProfile": {"type": "Unconfined"}}},
        {"podSecurityContext": {"sysctls": []}},
        {"securityContext": {"privileged": True}},
        {"securityContext": {"allowPrivilegeEscalation": True}},
        {"securityContext": {"capabilities": {"add": ["NET_ADMIN"]}}},
        {"volumes": [{"name": "root", "hostPath": {"path": "/"}}]},
    ],
)
def test_no_value_leaves_the_profile(render: Render, projection: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        render(SHOP, of(**projection))
    assert "/projections/orders/" in str(refused.value)


def test_a_root_that_may_be_written_is_asked_for(render: Render) -> None:
    (worker, *_) = pods(render(SHOP, of(securityContext={"readOnlyRootFilesystem": False})))
    assert worker["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is False
    assert violations(worker) == []
