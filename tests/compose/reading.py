"""docker-compose.yml as Docker understands it: read by the library that Docker Compose is made of."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.tools import ToolMissing, tool

ROOT = Path(__file__).parents[2]


def read(file: Path) -> subprocess.CompletedProcess[str]:
    """The file's model as JSON, or what is wrong with it."""
    try:
        compose = tool("compose")
    except ToolMissing as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(f"a tool is missing: {missing}", pytrace=False)
        pytest.skip(f"a tool is missing: {missing}")
    command = [str(compose), "-format", "json", str(file)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)
