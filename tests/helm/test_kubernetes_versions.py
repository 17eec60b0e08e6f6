"""What the chart renders is right, key by key, for every Kubernetes from the oldest supported on.

The schemas of Kubernetes come with a package; those of KEDA 2.18 and of the Prometheus operator 0.85
stand in `schemas`, from their projects' definitions, closed to keys that they do not name.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Protocol

import kubernetes_validate
import pytest
import yaml

from tests.helm.conftest import CHART
from tests.helm.matrix import MATRIX
from tests.tools import tool

OF_KUBERNETES = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"
OF_OTHERS = Path(__file__).parent / "schemas"
#: From the oldest that the chart takes to the newest there are schemas of.
MINORS = sorted(
    minor
    for folder in OF_KUBERNETES.glob("v1.*.0-local-strict")
    if (minor := int(folder.name.split(".")[1])) >= 28
)
BY_KIND = "{{.ResourceKind}}{{.KindSuffix}}.json"

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: orders}
spec:
  selector: {matchLabels: {app: orders}}
  template:
    metadata: {labels: {app: orders}}
    spec: {containers: [{name: worker, image: projection-consumer}]}
"""
SCALED_OBJECT = """
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: orders}
spec:
  scaleTargetRef: {name: orders}
  triggers: [{type: kafka, metadata: {topic: orders}}]
"""


class Conform(Protocol):
    """kubeconform's verdict on manifests, for one version of Kubernetes."""

    def __call__(self, manifests: str, version: str) -> subprocess.CompletedProcess[str]: ...


@pytest.fixture(scope="module")
def conform(tmp_path_factory: pytest.TempPathFactory) -> Conform:
    folder = tmp_path_factory.mktemp("schemas")

    def schemas(version: str) -> Path:
        """Those of the package, with addresses that lead to files."""
        own = folder / version
        if not own.exists():
            own.mkdir()
            for file in (OF_KUBERNETES / f"v{version}-local-strict").glob("*.json"):
                text = file.read_text().replace('"/api/_definitions.json#', '"_definitions.json#')
                schema = json.loads(text)
                schema.pop("$id", None)
                (own / file.name).write_text(json.dumps(schema))
        return own

    def conform(manifests: str, version: str) -> subprocess.CompletedProcess[str]:
        places = [f"{place}/{BY_KIND}" for place in (schemas(version), OF_OTHERS)]
        locations = [word for place in places for word in ("-schema-location", place)]
        return subprocess.run(
            [
                tool("kubeconform"),
                "-strict",
                "-summary",
                "-kubernetes-version",
                version,
                *locations,
            ],
            input=manifests,
            capture_output=True,
            text=True,
        )

    return conform


@pytest.fixture(scope="module")
def everything(helm: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the chart makes of all sets of values, one after the other."""
    folder = tmp_path_factory.mktemp("values")
    texts = []
    for number, values in enumerate(MATRIX.values()):
        command = [str(helm), "template", f"try-{number}", str(CHART), "--kube-version", "1.28.0"]
        for at, each in enumerate(values):
            file = folder / f"{at}.yaml"
            file.write_text(yaml.safe_dump(each))
            command += ["-f", str(file)]
        texts.append(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return "\n---\n".join(texts)


@pytest.mark.parametrize("minor", MINORS)
def test_every_manifest_of_every_set_of_values_is_known_to_every_kubernetes(
    minor: int, everything: str, conform: Conform
) -> None:
    done = conform(everything, f"1.{minor}.0")
    assert done.returncode == 0, done.stdout
    assert "Skipped: 0" in done.stdout


def test_every_kind_that_the_chart_makes_is_among_them(everything: str) -> None:
    kinds = {manifest["kind"] for manifest in yaml.safe_load_all(everything) if manifest}
    asked = "ConfigMap CronJob Deployment HorizontalPodAutoscaler NetworkPolicy Pod PodDisruptionBudget PodMonitor"
    more = "PrometheusRule ScaledObject Secret Service ServiceAccount ServiceMonitor"
    assert kinds == {*asked.split(), *more.split()}


def test_the_oldest_and_the_newest_are_among_them() -> None:
    assert list(range(28, 38)) == MINORS[:10]


def test_the_chart_is_the_same_for_every_kubernetes_so_one_rendering_speaks_for_all() -> None:
    texts = [file.read_text() for file in (CHART / "templates").rglob("*.*")]
    assert texts
    assert not [text for text in texts if "Capabilities" in text]


@pytest.mark.parametrize(
    "typed_wrong",
    [
        DEPLOYMENT.replace("image:", "imagee: x, image:"),
        SCALED_OBJECT.replace("triggers:", "trigers: [], triggers:"),
        SCALED_OBJECT.replace("metadata: {topic", "metadata: {topik: 1, topic"),
    ],
)
def test_a_key_that_nobody_knows_is_refused(typed_wrong: str, conform: Conform) -> None:
    assert conform(DEPLOYMENT, "1.37.0").returncode == 0
    assert conform(SCALED_OBJECT, "1.37.0").returncode == 0
    assert conform(typed_wrong, "1.37.0").returncode == 1
