"""This tree as somebody gets it who installs it: the wheel, and nothing of the clone."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from tests.examples.pages import ROOT
from tests.examples.terminal import clean


def released(folder: Path) -> dict[str, str]:
    """An environment whose pip takes this tree's wheel, and of all else the versions we test with."""
    building = ["-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    built = subprocess.run([sys.executable, *building], capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    frozen = subprocess.run(
        [sys.executable, "-m", "pip", "freeze", "--exclude-editable"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    versions = folder / "versions.txt"
    versions.write_text(f"projection-consumer=={version('projection-consumer')}\n{frozen}")
    return clean() | {
        "PIP_FIND_LINKS": f"{os.environ.get('PIP_FIND_LINKS', '')} {folder}",
        "PIP_CONSTRAINT": str(versions),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PROJECTIONS_LOG_FORMAT": "console",  # as on a terminal
    }
