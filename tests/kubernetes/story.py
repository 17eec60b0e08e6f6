"""One story: a namespace, a topic and databases of its own, a release of the chart, a load, and what was right.

story.install()                        # helm upgrade --install --wait
story.load(rate=400)                   # a steady load, from outside
with story.pausing("a pod is deleted", below=1.0):
    story.kubectl("delete", "pod", story.pods.ready()[0].name)
    story.has_ready(2)
story.ends()                           # the load stops; nothing is lost, nothing counts twice
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from consumer.settings.loading import load as load_settings
from consumer.wiring.brokers import broker
from tests.cluster import Cluster
from tests.fleet import ROOT, eventually
from tests.kubernetes.load import Load, event
from tests.kubernetes.outside import Outside
from tests.kubernetes.pauses import Pause
from tests.kubernetes.pods import Pods
from tests.kubernetes.truth import Truth
from tests.kubernetes.values import RELEASE, merged, projection, settings, values

CHART = ROOT / "helm" / "projection-consumer"
SECONDS = 60.0


@dataclass
class Story:
    """What the fixture `story` gives; it is closed by it too."""

    cluster: Cluster
    outside: Outside
    namespace: str
    folder: Path
    image: str
    pods: Pods
    #: kafka or redis
    source: str
    partitions: int
    pauses: list[Pause]
    #: Of each projection, the rows that it should have.
    truths: dict[str, Truth] = field(default_factory=dict)
    chart: Path = CHART
    published: int = 0
    #: Restarts of containers that the story is about; any other is wrong.
    restarts: int = 0
    #: Pods that cannot run, as the story wants it.
    hopeless: set[str] = field(default_factory=set)
    _values: dict[str, Any] = field(default_factory=dict)
    _load: Load | None = None

    @property
    def topic(self) -> str:
        return f"events-{self.namespace}"

    # --- the release ------------------------------------------------------------------------------

    def begins(self) -> None:
        """The namespace's Secret, the topic, and one projection, `chains`."""
        self._values = values(
            self.outside, self.namespace, self.image, self.source, self.partitions
        )
        secret = self.folder / "postgres"
        secret.write_text(self.outside.password)
        self.kubectl("create", "secret", "generic", "servers", f"--from-file={secret}")
        self.adds("chains")
        source = load_settings(self._settings_file()).source("main")
        publisher = broker(source).publisher(self.topic, partitions=self.partitions)
        publisher.send(event(0))  # streams are there from their first event on
        publisher.close()
        self.published = 1

    def adds(self, name: str, changes: Mapping[str, Any] | None = None) -> None:
        """One more projection of the same events; the next `install` brings it into the cluster."""
        database = f"{self.namespace}-{name}"
        self.outside.database(database)
        entry = projection(self.outside.url(database, "projections"), self.topic)
        self._values = merged(self._values, {"projections": {name: merged(entry, changes or {})}})
        self.truths[name] = Truth(
            load_settings(self._settings_file()), self.topic, self.outside.url(database)
        )

    def install(self, changes: Mapping[str, Any] | None = None, *, wait: bool = True) -> None:
        """`helm upgrade --install` of the values so far and these changes to them, which stay."""
        self._values = merged(self._values, changes or {})
        file = self.folder / "values.yaml"
        file.write_text(json.dumps(self._values))  # JSON is YAML
        waiting = ["--wait", "--timeout", f"{SECONDS:.0f}s"] if wait else []
        self.helm("upgrade", "--install", RELEASE, str(self.chart), "-f", str(file), *waiting)

    def helm(self, *args: str) -> str:
        return self.cluster.helm("--namespace", self.namespace, *args)

    def kubectl(self, *args: str, seconds: float = SECONDS) -> str:
        return self.cluster.kubectl("--namespace", self.namespace, *args, seconds=seconds)

    def deployment(self, projection: str = "chains") -> str:
        """Its name, as kubectl takes it."""
        return f"deployment/{RELEASE}-{projection}"

    def scale(self, replicas: int, projection: str = "chains") -> None:
        """`kubectl scale`, until all of them are ready and no other is there."""
        self.kubectl("scale", self.deployment(projection), f"--replicas={replicas}")
        self.has_ready(replicas, projection)

    def comes_to(self, count: int, projection: str = "chains") -> None:
        """Waits until an autoscaler has brought so many workers up, or down to them; prints how long that took."""
        began = time.monotonic()
        self.has_ready(count, projection, seconds=2 * SECONDS)
        took = time.monotonic() - began
        self.pauses.append(Pause(self.namespace, f"autoscaled to {count}", {0: took}, 120, 0))

    def has_ready(self, count: int, projection: str = "chains", seconds: float = SECONDS) -> None:
        """Waits until so many workers are ready, and no other pod of the projection is there."""

        def settled() -> bool:
            there = [
                pod for pod in self.pods.all() if pod.is_worker and not pod.is_gone
                if pod.labels["app.kubernetes.io/component"] == projection
            ]  # fmt: skip
            return len(there) == count == len(self.pods.ready(projection))

        eventually(settled, f"{count} workers of {projection} are ready", seconds)

    # --- the load -----------------------------------------------------------------------------------

    def load(self, rate: float = 400.0) -> Load:
        """A steady load from now on; returns once each partition's events arrive in the rows."""
        log = self.folder / f"load-{self.published}.log"
        self._load = Load(self._settings_file(), self.topic, rate, self.published, log)
        self.flows()
        return self._load

    def flows(self, seconds: float = SECONDS) -> None:
        """Waits until of each partition, for each projection, something that is published from now on is in the rows."""
        since = time.time()
        for name, truth in self.truths.items():
            eventually(
                lambda truth=truth: len(truth.applied_since(since)) == self.partitions,  # type: ignore[misc]
                f"events of all partitions are in the rows of {name}",
                seconds,
            )

    def stop_load(self) -> None:
        """All that was published is in the log."""
        if self._load is not None:
            self.published += self._load.stop()
            self._load = None

    @contextmanager
    def pausing(self, what: str, *, below: float, projection: str = "chains") -> Iterator[None]:
        """The longest pause of a partition while the body runs, and until all flow again, is below so many seconds."""
        since = time.time()
        claims = len(self.pods.said("claimed"))
        yield
        self.flows()
        found = self.truths[projection].pauses(since, time.time())
        moved = len(self.pods.said("claimed")) - claims
        pause = Pause(self.namespace, what, found, below, moved)
        self.pauses.append(pause)
        assert pause.longest < below, pause.line

    # --- the end --------------------------------------------------------------------------------------

    def ends(self, *, seconds: float = SECONDS) -> None:
        """Stops the load, waits until all is applied, and asserts that nothing is wrong."""
        self.stop_load()
        for name, truth in self.truths.items():
            eventually(
                lambda truth=truth: truth.applied() >= self.published,  # type: ignore[misc]
                f"all events are in the rows of {name}",
                seconds,
            )
        assert self.wrong() == {}

    def wrong(self) -> dict[str, list[str]]:
        """By what it is wrong with; empty is what one wants to see."""
        found = {name: truth.wrong(self.published) for name, truth in self.truths.items()}
        found["offsets"] = self._offsets()
        pods = [pod for pod in self.pods.all() if pod.is_worker and pod.name not in self.hopeless]
        restarted = {pod.name: f"{pod.restarts}, {pod.ended}" for pod in pods if pod.restarts}
        if sum(pod.restarts for pod in pods) != self.restarts:
            found["restarts"] = [str(restarted)]
        found["not ready"] = [pod.name for pod in self.pods.workers() if not pod.is_ready]
        found["noise"] = [
            f"{line['event']} {line.get('cause', '')}"
            for verb in ("halted", "skipped")
            for line in self.pods.said(verb)
        ]
        return {kind: what for kind, what in found.items() if what}

    def status(self, projection: str) -> list[dict[str, Any]]:
        """What `projections status` tells of its partitions, asked from outside the cluster."""
        command = [sys.executable, "-m", "consumer", "--config", str(self._settings_file())]
        done = subprocess.run(
            [*command, "status", projection, "--json"], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        (report,) = json.loads(done.stdout)["projections"]
        partitions: list[dict[str, Any]] = report["partitions"]
        return partitions

    def _offsets(self) -> list[str]:
        """Checkpoints in Redis that are not at the end of the log."""
        return [
            f"{name} {at['partition']}: {at['lag_events']} behind, {at['reason']}"
            for name in self.truths
            for at in self.status(name)
            if at["lag_events"] != 0
        ]

    def _settings_file(self) -> Path:
        """projections.yaml as one outside the cluster has it."""
        file = self.folder / "projections.yaml"
        file.write_text(json.dumps(settings(self._values, self.folder / "postgres")))
        return file

    def close(self) -> None:
        """Whatever became of it; the namespace goes by itself."""
        if self._load is not None and self._load.runs:
            self._load.stop()
        self.kubectl("delete", "deployments,jobs,pods", "--all", "--wait=false")
        self.cluster.kubectl("delete", "namespace", self.namespace, "--wait=false")
        self.pods.close()
