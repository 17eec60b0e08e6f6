"""The pods of a namespace, watched from the first to the last: what became of each, and all that it logged."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cluster import Cluster
from tests.tools import tool


@dataclass
class Pod:
    """A pod as it was when it was last heard of."""

    name: str
    labels: dict[str, str] = field(default_factory=dict)
    phase: str = ""
    image: str = ""
    is_ready: bool = False
    is_leaving: bool = False
    is_gone: bool = False
    #: How often its container was started anew, and why the last one ended, as in OOMKilled.
    restarts: int = 0
    ended: str = ""
    #: Why its container does not run, as in ErrImageNeverPull.
    waits_for: str = ""

    @property
    def is_worker(self) -> bool:
        """A worker's pod, and not that of a test or a replay."""
        return "app.kubernetes.io/component" in self.labels

    def take(self, pod: dict[str, Any]) -> None:
        status = pod.get("status", {})
        container: dict[str, Any] = next(iter(status.get("containerStatuses", [])), {})
        conditions = {each["type"]: each["status"] for each in status.get("conditions", [])}
        self.labels = pod["metadata"].get("labels", {})
        self.phase = status.get("phase", "")
        self.image = pod["spec"]["containers"][0]["image"]
        self.is_ready = conditions.get("Ready") == "True"
        self.is_leaving = "deletionTimestamp" in pod["metadata"]
        self.restarts = container.get("restartCount", 0)
        self.waits_for = container.get("state", {}).get("waiting", {}).get("reason", "")
        self.ended = container.get("lastState", {}).get("terminated", {}).get("reason", "")
        self.runs = "running" in container.get("state", {})

    #: Whether its container runs.
    runs: bool = False


class Pods:
    """Follows `kubectl get pods --watch`, and the log of each container that runs."""

    def __init__(self, cluster: Cluster, namespace: str, folder: Path) -> None:
        self._env = {**os.environ, "KUBECONFIG": str(cluster.kubeconfig)}
        self._namespace = namespace
        self._folder = folder
        self._found: dict[str, Pod] = {}
        #: How many workers were ready, after each change of any pod.
        self.counts: list[int] = []
        self._followers: list[subprocess.Popen[bytes]] = []
        self._watch = self._start(
            "get", "pods", "--watch", "--output-watch-events", "-o", "json", output=subprocess.PIPE
        )
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def all(self) -> list[Pod]:
        """Every pod that there ever was, in the order of appearance."""
        return list(self._found.values())

    def workers(self, projection: str = "") -> list[Pod]:
        """Those of workers that are there, and not on their way out; of one projection, or of all."""
        label = "app.kubernetes.io/component"
        return [
            pod
            for pod in self.all()
            if pod.is_worker and not (pod.is_gone or pod.is_leaving)
            if projection in ("", pod.labels[label])
        ]

    def ready(self, projection: str = "") -> list[Pod]:
        """Those workers that are ready."""
        return [pod for pod in self.workers(projection) if pod.is_ready]

    def log(self, pod: Pod | str) -> list[dict[str, Any]]:
        """What all its containers logged, as `kubectl logs` showed it; of a line that is no JSON, all as `event`."""
        name = pod if isinstance(pod, str) else pod.name
        files = sorted(self._folder.glob(f"{name}.*.log"))
        return [line for file in files for line in _lines(file)]

    def said(self, event: str, pod: Pod | str | None = None) -> list[dict[str, Any]]:
        """The lines of this verb; of one pod, or of all in the order of time."""
        pods = self.all() if pod is None else [pod]
        found = [line for each in pods for line in self.log(each) if line.get("event") == event]
        return sorted(found, key=lambda line: str(line.get("time")))

    def close(self) -> None:
        """Lets the watch and the logs go."""
        for process in (self._watch, *self._followers):
            process.kill()
            process.wait()
        self._thread.join(10)
        if self._watch.stdout:
            self._watch.stdout.close()

    def _follow(self) -> None:
        for change in self._changes():
            metadata = change["object"]["metadata"]
            pod = self._found.setdefault(metadata["name"], Pod(metadata["name"]))
            pod.take(change["object"])
            if change["type"] == "DELETED":
                pod.is_gone = True
            elif pod.runs or pod.phase in ("Succeeded", "Failed"):
                self._follow_log(pod)
            self.counts.append(len(self.ready()))

    def _follow_log(self, pod: Pod) -> None:
        file = self._folder / f"{pod.name}.{pod.restarts}.log"
        if not file.exists():
            with file.open("wb") as output:
                self._followers.append(self._start("logs", "--follow", pod.name, output=output))

    def _changes(self) -> Iterator[dict[str, Any]]:
        assert self._watch.stdout
        for line in self._watch.stdout:
            yield json.loads(line)

    def _start(self, *args: str, output: Any) -> subprocess.Popen[bytes]:
        command = [str(tool("kubectl")), "-n", self._namespace, *args]
        return subprocess.Popen(command, env=self._env, stdout=output, stderr=subprocess.DEVNULL)


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    for line in file.read_text(errors="replace").splitlines():
        try:
            found = json.loads(line)
        except ValueError:
            found = line
        yield found if isinstance(found, dict) else {"event": line}
