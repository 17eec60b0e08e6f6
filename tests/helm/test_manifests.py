"""What the chart makes of values."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from consumer.settings.loading import load
from tests.helm.conftest import CHART, SHOP, Render, Template, the
from tests.helm.matrix import MATRIX

EXAMPLES = [yaml.safe_load(file.read_text()) for file in sorted((CHART / "examples").glob("*"))]


def of(projection: dict[str, Any]) -> dict[str, Any]:
    """Values in which the shop's projection is like this."""
    return {"projections": {"orders": projection}}


@pytest.mark.parametrize("values", MATRIX.values(), ids=MATRIX)
def test_rendering_twice_is_identical(
    template: Template, values: tuple[dict[str, Any], ...]
) -> None:
    assert template(*values) == template(*values)


@pytest.mark.parametrize("values", [SHOP, *EXAMPLES])
def test_what_is_rendered_as_settings_is_taken_by_our_own_loader(
    render: Render, values: dict[str, Any], tmp_path: Path
) -> None:
    found = [
        manifest["data"]["projections.yaml"]
        for manifest in render(values)
        if "projections.yaml" in manifest.get("data", {})
    ]
    assert len(found) == len(values["projections"])
    for number, text in enumerate(found):
        for secret in ("redis", "kafka", "postgres"):
            (tmp_path / secret).write_text("x")
        file = tmp_path / f"{number}.yaml"
        file.write_text(text.replace("/etc/projections/secrets", str(tmp_path)))
        assert len(load(file).projections) == 1


@pytest.mark.parametrize("values", MATRIX.values(), ids=MATRIX)
def test_lint_has_nothing_to_say(
    helm: Path, tmp_path: Path, values: tuple[dict[str, Any], ...]
) -> None:
    command = [str(helm), "lint", "--strict", str(CHART)]
    for number, each in enumerate(values):
        (tmp_path / f"{number}.yaml").write_text(yaml.safe_dump(each))
        command += ["-f", str(tmp_path / f"{number}.yaml")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "WARNING" not in done.stdout
    assert "ERROR" not in done.stdout


def test_0_and_false_of_a_projection_win_over_the_defaults(render: Render) -> None:
    manifests = render(SHOP, of({"replicas": 0, "replay": {"enabled": False}}))
    assert the(manifests, "Deployment")["spec"]["replicas"] == 0
    assert "CronJob" not in {manifest["kind"] for manifest in manifests}


def test_a_pod_may_drain_and_15_seconds_more(render: Render) -> None:
    def grace(*values: dict[str, Any]) -> int:
        pod = the(render(SHOP, *values), "Deployment")["spec"]["template"]["spec"]
        return int(pod["terminationGracePeriodSeconds"])

    assert grace() == 40
    assert grace(of({"settings": {"drain_seconds": 60}})) == 75
    assert grace(of({"settings": {"drain_seconds": 25.5}})) == 41
    assert grace(of({"terminationGracePeriodSeconds": 90})) == 90


def test_a_change_of_one_projection_restarts_no_other(render: Render) -> None:
    two = {"projections": {"other": SHOP["projections"]["orders"]}}

    def checksums(*values: dict[str, Any]) -> dict[str, str]:
        return {
            manifest["metadata"]["name"]: manifest["spec"]["template"]["metadata"]["annotations"][
                "checksum/settings"
            ]
            for manifest in render(SHOP, two, *values)
            if manifest["kind"] == "Deployment"
        }

    before, after = checksums(), checksums(of({"settings": {"batch_size": 7}}))
    assert before["shop-other"] == after["shop-other"]
    assert before["shop-orders"] != after["shop-orders"]


@pytest.mark.parametrize("kind", ["hpa", "keda"])
def test_an_autoscaler_owns_the_number_of_pods(render: Render, kind: str) -> None:
    assert the(render(SHOP), "Deployment")["spec"]["replicas"] == 1
    scaled = render(SHOP, of({"scaling": {"type": kind}}))
    assert "replicas" not in the(scaled, "Deployment")["spec"]
    target = {"hpa": "HorizontalPodAutoscaler", "keda": "ScaledObject"}[kind]
    assert the(scaled, target)["spec"]["scaleTargetRef"]["name"] == "shop-orders"


def test_keda_reads_the_group_of_the_projection_on_each_of_its_topics(render: Render) -> None:
    values = of(
        {
            "name": "orders@2",
            "settings": {"source": {"from": "main", "topics": ["orders", "returns"]}},
            "scaling": {"type": "keda", "keda": {"authenticationRef": "kafka"}},
        }
    )
    triggers = the(render(SHOP, values), "ScaledObject")["spec"]["triggers"]
    assert [trigger["metadata"]["topic"] for trigger in triggers] == ["orders", "returns"]
    assert {trigger["metadata"]["consumerGroup"] for trigger in triggers} == {"orders@2"}
    assert triggers[0]["authenticationRef"] == {"name": "kafka"}


def test_keda_reads_each_stream_of_a_topic(render: Render) -> None:
    streams = {"streams": {"redis": {"url": "rediss://r:1/3", "streams": 2}}}
    values = of({"settings": {"source": {"from": "streams"}}, "scaling": {"type": "keda"}})
    triggers = the(render(SHOP, {"settings": {"sources": streams}}, values), "ScaledObject")
    assert [each["metadata"]["stream"] for each in triggers["spec"]["triggers"]] == [
        "orders:0",
        "orders:1",
    ]
    first = triggers["spec"]["triggers"][0]["metadata"]
    assert (first["address"], first["enableTLS"], first["databaseIndex"]) == ("r:1", "true", "3")


def test_secrets_are_files_and_their_names_alone_are_in_the_values(render: Render) -> None:
    pod = the(render(SHOP, of({"existingSecret": "mine"})), "Deployment")["spec"]["template"]
    (mount,) = [
        mount
        for mount in pod["spec"]["containers"][0]["volumeMounts"]
        if mount["name"] == "secrets"
    ]
    assert mount["mountPath"] == "/etc/projections/secrets"
    assert "subPath" not in mount  # a file of its own would never be renewed
