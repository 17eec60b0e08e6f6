"""The values on the page about Kubernetes are taken by the chart, one after the other."""

from __future__ import annotations

import yaml

from tests.examples.pages import blocks
from tests.helm.conftest import Render, the


def test_the_values_of_the_page_install_then_scale_on_lag_and_are_watched(render: Render) -> None:
    first, scaled, watched = (
        yaml.safe_load(text)
        for text in blocks("docs/kubernetes.md", "yaml")
        if text.startswith("# values.yaml")
    )
    assert the(render(first), "Deployment")["spec"]["replicas"] == 2
    triggers = the(render(first, scaled), "ScaledObject")["spec"]["triggers"]
    assert triggers[0]["metadata"]["lagThreshold"] == "5000"
    kinds = {manifest["kind"] for manifest in render(first, watched)}
    assert {"PodMonitor", "PrometheusRule"} <= kinds
