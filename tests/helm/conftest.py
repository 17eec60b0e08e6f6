"""The chart, rendered by the real Helm."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any, Protocol

import pytest
import yaml

from tests.tools import ToolMissing, tool

#: Another chart than ours can be named, to see which tests notice a mutation.
CHART = Path(
    os.environ.get("CHART_UNDER_TEST") or Path(__file__).parents[2] / "helm" / "projection-consumer"
)

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


class Template(Protocol):
    """The chart's text with `values`, each as a file of its own, laid over one another; raises `Refused`."""

    def __call__(self, *values: dict[str, Any] | str, release: str = "shop") -> str: ...


class Render(Protocol):
    """The objects that the chart makes of `values`, laid over one another; raises `Refused`."""

    def __call__(
        self, *values: dict[str, Any] | str, release: str = "shop"
    ) -> list[dict[str, Any]]: ...


@pytest.fixture(scope="session")
def helm() -> Path:
    try:
        return tool("helm")
    except ToolMissing as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(f"helm is missing: {missing}", pytrace=False)
        pytest.skip(f"helm is missing: {missing}")


@pytest.fixture
def template(helm: Path, tmp_path: Path) -> Template:
    def template(*values: dict[str, Any] | str, release: str = "shop") -> str:
        command = [str(helm), "template", release, str(CHART), "--kube-version", "1.34.0"]
        for number, each in enumerate(values):
            file = tmp_path / f"{number}.yaml"
            file.write_text(each if isinstance(each, str) else json.dumps(each))
            command += ["-f", str(file)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise Refused(done.stderr)
        return done.stdout

    return template


@pytest.fixture
def render(template: Template) -> Render:
    def render(*values: dict[str, Any] | str, release: str = "shop") -> list[dict[str, Any]]:
        text = template(*values, release=release)
        return [manifest for manifest in yaml.load_all(text, Loader=OnceEach) if manifest]

    return render


class OnceEach(yaml.SafeLoader):
    """YAML in which a key stands once: Helm would pass a second one on, and the API server takes one of them."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"a key stands twice in {keys}"
        return super().construct_mapping(node, deep)


def the(manifests: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    """The one object of a kind."""
    (found,) = [manifest for manifest in manifests if manifest["kind"] == kind]
    return found
