"""docker-compose.yml, read once."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.compose.reading import ROOT, read


@pytest.fixture(scope="session")
def model() -> dict[str, Any]:
    """The file, with variables and anchors filled in and paths made whole."""
    done = read(ROOT / "docker-compose.yml")
    assert done.returncode == 0, done.stderr
    model: dict[str, Any] = json.loads(done.stdout)
    return model


@pytest.fixture(scope="session")
def services(model: dict[str, Any]) -> dict[str, Any]:
    services: dict[str, Any] = model["services"]
    return services


@pytest.fixture(scope="session")
def ours(services: dict[str, Any]) -> dict[str, Any]:
    """The services that run our image."""
    return {name: one for name, one in services.items() if "build" in one}
