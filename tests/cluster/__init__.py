"""A Kubernetes to try the chart on: the one of KUBECONFIG, else kind where Docker answers, else a node built here."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.tools import tool


class ClusterError(Exception):
    """A command against the cluster failed; the text is what it said."""


@dataclass(frozen=True)
class Cluster:
    """A cluster that answers.

    `host` is the address of this machine as pods reach it: servers that pods are to use listen there.
    """

    kubeconfig: Path
    host: str

    def kubectl(self, *args: str, stdin: str | None = None, seconds: float = 60) -> str:
        """What kubectl prints. Raises `ClusterError` with its words where it fails."""
        return self._said(tool("kubectl"), args, stdin, seconds)

    def helm(self, *args: str, seconds: float = 180) -> str:
        """What helm prints. Raises `ClusterError` with its words where it fails."""
        return self._said(tool("helm"), args, None, seconds)

    def _said(self, command: Path, args: tuple[str, ...], stdin: str | None, seconds: float) -> str:
        done = subprocess.run(
            [command, *args],
            input=stdin,
            env={**os.environ, "KUBECONFIG": str(self.kubeconfig)},
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        if done.returncode:
            raise ClusterError(f"{command.name} {' '.join(args)}: {done.stderr or done.stdout}")
        return done.stdout
