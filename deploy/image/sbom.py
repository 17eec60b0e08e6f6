"""Writes what Python packages the image is made of, as CycloneDX: `python deploy/image/sbom.py FILE`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from locked import ROOT, locked


def main() -> None:
    """From the lock, so that it takes no build; it is refused where it is no valid CycloneDX."""
    file = Path(sys.argv[1])
    file.parent.mkdir(parents=True, exist_ok=True)
    # The same lock gives the same bytes: neither a time nor a number of its own.
    form = ["--output-reproducible", "--spec-version", "1.6", "--output-format", "JSON"]
    about = ["--pyproject", str(ROOT / "pyproject.toml"), "--mc-type", "application"]
    command = [sys.executable, "-m", "cyclonedx_py", "requirements", "-", "--validate", *form]
    subprocess.run(  # noqa: S603, our own words
        [*command, *about, "--output-file", str(file)],
        input="\n".join(locked().values()),
        text=True,
        check=True,
        # A lock does not tell who needs whom, and the tool remarks on it.
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )
    sys.stdout.write(f"{file}: {len(locked())} packages\n")


main()
