"""A fleet on Kafka, and the chart as the real Helm renders it."""

from __future__ import annotations

from tests.helm.conftest import helm, render, template
from tests.scenarios.kafka.conftest import begin

__all__ = ["begin", "helm", "render", "template"]
