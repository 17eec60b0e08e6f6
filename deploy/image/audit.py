"""Asks which packages of the image have known vulnerabilities. Exit codes: 0 none, 1 some, 2 it could not be told."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from locked import locked


def main() -> int:
    """What pip-audit passes over without failing counts as not told here."""
    with tempfile.TemporaryDirectory() as folder:
        lock = Path(folder) / "requirements.txt"
        lock.write_text("\n".join(locked().values()), encoding="utf-8")
        done = subprocess.run(_command(lock), capture_output=True, text=True, check=False)  # noqa: S603, our own words
    try:
        found: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except ValueError:
        said = done.stderr.strip().splitlines() or ["it said nothing"]
        return _untold(f"the vulnerability service cannot be reached: {said[-1]}")
    known = [
        f"{package['name']} {package['version']}: {each['id']}, mended in {each['fix_versions']}"
        for package in found
        for each in package.get("vulns", ())
    ]
    for line in known:
        sys.stdout.write(f"{line}\n")
    untold = [package["name"] for package in found if "skip_reason" in package]
    missed = len(untold) + len(locked()) - len(found)
    if missed == len(locked()):
        return _untold(
            f"the vulnerability service cannot be reached, none of {missed} is known to it"
        )
    if missed:
        return _untold(f"the vulnerability service knows nothing of {missed} packages: {untold}")
    sys.stdout.write(f"{len(found)} packages audited, {len(known)} known vulnerabilities\n")
    return 1 if known else 0


def _command(lock: Path) -> list[str]:
    # Without pip: what the lock names is asked for, and nothing is installed.
    options = ["--require-hashes", "--disable-pip", "--progress-spinner", "off", "--format", "json"]
    return [sys.executable, "-m", "pip_audit", *options, "--requirement", str(lock)]


def _untold(reason: str) -> int:
    sys.stderr.write(f"Not audited: {reason}.\n")
    return 2


sys.exit(main())
