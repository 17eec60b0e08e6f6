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

from tests.tools import tool

CHART = Path(__file__).parents[2] / "helm" / "projection-consumer"
EXAMPLES = sorted((CHART / "examples").glob("*.yaml"))
OF_KUBERNETES = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"
OF_OTHERS = Path(__file__).parent / "schemas"
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


@pytest.mark.parametrize("values", EXAMPLES, ids=lambda file: file.stem)
@pytest.mark.parametrize("minor", range(28, 38))
def test_every_manifest_is_known_to_every_kubernetes(
    values: Path, minor: int, conform: Conform
) -> None:
    version = f"1.{minor}.0"
    rendered = subprocess.run(
        [tool("helm"), "template", "try", CHART, "-f", values, "--kube-version", version],
        capture_output=True,
        text=True,
    )
    assert rendered.returncode == 0, rendered.stderr
    done = conform(rendered.stdout, version)
    assert done.returncode == 0, done.stdout
    assert "Skipped: 0" in done.stdout


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
