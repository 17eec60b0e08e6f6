"""The chart, rendered by the real Helm."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any, Protocol

import pytest
import yaml

from tests.tools import ToolMissing, tool

CHART = Path(__file__).parents[2] / "helm" / "projection-consumer"

#: What every set of values needs: a source, an offset store, a projection.
SHOP: dict[str, Any] = {
    "settings": {
        "offsets": {"redis": {"url": "redis://redis:6379/0"}},
        "sources": {"main": {"kafka": {"bootstrap_servers": ["kafka:9092"]}}},
    },
    "projections": {
        "orders": {
            "settings": {
                "projector": "projectors.examples.orders_board:orders",
                "source": {"from": "main", "topics": ["orders"]},
                "read_model": {"sqlite": {"path": "/tmp/orders.db"}},
            }
        }
    },
}


class Refused(Exception):
    """Helm refused the values; the text is its own."""


class Render(Protocol):
    """The objects that the chart makes of `values`, laid over one another; raises `Refused`."""

    def __call__(self, *values: dict[str, Any]) -> list[dict[str, Any]]: ...


@pytest.fixture(scope="session")
def helm() -> Path:
    try:
        return tool("helm")
    except ToolMissing as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(f"helm is missing: {missing}", pytrace=False)
        pytest.skip(f"helm is missing: {missing}")


@pytest.fixture
def render(helm: Path, tmp_path: Path) -> Render:
    def render(*values: dict[str, Any]) -> list[dict[str, Any]]:
        command = [str(helm), "template", "shop", str(CHART), "--kube-version", "1.34.0"]
        for number, each in enumerate(values):
            file = tmp_path / f"{number}.yaml"
            file.write_text(yaml.safe_dump(each))
            command += ["-f", str(file)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise Refused(done.stderr)
        return [manifest for manifest in yaml.safe_load_all(done.stdout) if manifest]

    return render


def the(manifests: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    """The one object of a kind."""
    (found,) = [manifest for manifest in manifests if manifest["kind"] == kind]
    return found
