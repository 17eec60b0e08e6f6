"""docker-compose.yml brought up by podman-compose, with images that stand in for those of registries."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import signal
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from tests import containers
from tests.compose import standins
from tests.fleet import ROOT, eventually


class Stack:
    """The services of the file but Grafana, of which no image can be made here; nothing else is changed.

    Podman 4 neither runs health checks by itself (a machine without systemd) nor waits for them, so that
    `up` does: in the order of `depends_on`, each condition by the very command that the file names.
    """

    def __init__(self, model: dict[str, Any], folder: Path) -> None:
        # All runs of this machine share podman's storage.
        self.project = f"{model['name']}-{secrets.token_hex(4)}"
        self.services: dict[str, Any] = model["services"]
        del self.services["grafana"]
        self._order = TopologicalSorter(
            {name: service.pop("depends_on", {}) for name, service in self.services.items()}
        )
        for service in self.services.values():
            # Somebody else's, it may be; this machine reaches the containers' own addresses.
            service.pop("ports", None)
            if service.pop("build", None):
                service["image"] = f"localhost/{service['image']}"
            if "deploy" in service:
                service["deploy"]["mode"] = (
                    "replicated"  # which Docker takes for granted, and podman does not
                )
        for kind in ("networks", "volumes"):
            for named in model[kind].values():
                named.pop(
                    "name", None
                )  # the project's own names, not those of a stack that may run beside
        self._file = folder / "docker-compose.json"
        self._file.write_text(json.dumps({**model, "name": self.project}))
        self._podman = folder / "podman"
        command, environment = containers.command("podman")
        variables = [f"{name}={value}" for name, value in environment.items()]
        self._podman.write_text(f'#!/bin/sh\nexec env {shlex.join([*variables, *command])} "$@"\n')
        self._podman.chmod(0o755)

    def up(self) -> None:
        """Until every service is healthy, or done that should be."""
        standins.build()
        containers.build("localhost/projection-consumer", ROOT)
        self.compose("up", "--no-start")
        for service in self._order.static_order():
            for container in self.containers(service):
                containers.podman("start", container)
                self._wait_for(service, container)

    def _wait_for(self, service: str, container: str) -> None:
        try:
            eventually(lambda: self._is_up(service, container), f"{service} up", 60)
        except AssertionError as never:
            raise AssertionError(
                f"{never}; it says: {containers.podman('logs', container)}"
            ) from None

    def _is_up(self, service: str, container: str) -> bool:
        if service == "topics":
            return self.state(container) == {"Status": "exited", "ExitCode": 0}
        return self.is_healthy(container)

    def is_healthy(self, container: str) -> bool:
        """Whether it runs, and the health check that the file gives it, if any, says so."""
        if self.state(container)["Status"] != "running":
            return False
        health = containers.inspected(container)["Config"].get("Healthcheck") or {}
        if health.get("Test", ["NONE"]) == ["NONE"]:
            return True
        try:
            containers.podman("healthcheck", "run", container)
        except containers.ContainersError:
            return False
        return True

    def state(self, container: str) -> dict[str, Any]:
        """Its status, and the exit code that it ended with."""
        found = containers.inspected(container)["State"]
        return {name: found[name] for name in ("Status", "ExitCode")}

    def containers(self, service: str) -> list[str]:
        """The containers of a service."""
        label = f"label=com.docker.compose.service={service}"
        return containers.podman(
            *("ps", "--all", "--quiet", "--no-trunc", "--filter", label),
            *("--filter", f"label=com.docker.compose.project={self.project}"),
        ).split()

    def address(self, container: str) -> str:
        """Where this machine reaches it."""
        networks = containers.inspected(container)["NetworkSettings"]["Networks"]
        return str(next(iter(networks.values()))["IPAddress"])

    def exec(self, service: str, *command: str, stdin: str | None = None) -> str:
        """What a command in the service's first container prints."""
        return containers.podman(
            "exec", "--interactive", self.containers(service)[0], *command, stdin=stdin
        )

    def kill(self, container: str) -> None:
        """SIGKILL from outside, as the kernel would: the engine did not ask for it."""
        os.kill(self.pid(container), signal.SIGKILL)

    def pid(self, container: str) -> int:
        """The container's first process; 0 where it does not run."""
        return int(containers.inspected(container)["State"]["Pid"])

    def compose(self, *arguments: str) -> None:
        """As `docker compose ARGUMENTS`."""
        command = [sys.executable, "-m", "podman_compose", "--podman-path", str(self._podman)]
        done = subprocess.run(
            [*command, "--project-name", self.project, "--file", str(self._file), *arguments],
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def left(self) -> list[str]:
        """The containers, volumes and networks of the project that there are."""
        label = f"label=com.docker.compose.project={self.project}"
        return [
            f"{kind} {name}"
            for kind, listing in {
                "container": ("ps", "--all", "--format", "{{.Names}}"),
                "volume": ("volume", "ls", "--format", "{{.Name}}"),
                "network": ("network", "ls", "--format", "{{.Name}}"),
            }.items()
            for name in containers.podman(*listing, "--filter", label).split()
        ]
