"""A real Kafka Connect with Debezium: standalone, on the loopback interface, its jars from Maven Central."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from consumer.embedded.kafka import RELEASE, java
from consumer.embedded.server import EmbeddedServer
from consumer.errors import ConsumerError
from tests.fleet import eventually
from tests.jvm import class_path
from tests.servers import Missing
from tests.tools import ToolMissing

COORDINATES = (
    f"org.apache.kafka:connect-runtime:{RELEASE}",
    f"org.apache.kafka:connect-json:{RELEASE}",
    "io.debezium:debezium-connector-postgres:3.6.1.Final",
    "io.apicurio:apicurio-registry-utils-converter:2.6.13.Final",
    "org.slf4j:slf4j-simple:1.7.36",
)

_JVM = ("-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


@contextmanager
def connect_process(bootstrap: str) -> Iterator[Connect]:
    """A worker that writes to this Kafka; raises `Missing` where it is not to be had."""
    with ExitStack() as stack:
        try:
            own = stack.enter_context(Connect(bootstrap))
        except (ToolMissing, ConsumerError) as cause:
            raise Missing(str(cause)) from cause
        yield own


class Connect(EmbeddedServer):
    """Kafka Connect in standalone mode, an `EmbeddedServer`: connectors and their places outlive each start."""

    def __init__(self, bootstrap: str, *, folder: Path | None = None) -> None:
        jars = ":".join(map(str, class_path(*COORDINATES)))
        super().__init__("Connect", folder)
        self._connectors: dict[str, Mapping[str, str]] = {}
        properties = {
            "bootstrap.servers": bootstrap,
            "listeners": self.url,
            "key.converter": "org.apache.kafka.connect.json.JsonConverter",
            "value.converter": "org.apache.kafka.connect.json.JsonConverter",
            "offset.storage.file.filename": self.folder / "offsets",
            # Long: what is written again after a kill is what the tests want to see.
            "offset.flush.interval.ms": 60_000,
            "plugin.discovery": "hybrid_warn",
        }
        settings = self.folder / "worker.properties"
        settings.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
        level = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
        main = "org.apache.kafka.connect.cli.ConnectStandalone"
        self._runs(
            [java(), *_JVM, level, "-cp", jars, main, settings],
            answers=lambda: b'"version"' in self._says(b"GET / HTTP/1.0\r\n\r\n"),
        )

    @property
    def url(self) -> str:
        """Its REST API."""
        return f"http://{self._address}"

    def create(self, name: str, config: Mapping[str, str]) -> None:
        """Makes a connector, and waits until its task runs."""
        self._connectors[name] = config
        self._post(name)

    def restart(self) -> None:
        """Kills it, and starts it again with its connectors."""
        self.kill()
        self.start()
        for name in self._connectors:
            self._post(name)

    def delete(self, name: str) -> None:
        """The connector is gone, and lets go of its database."""
        del self._connectors[name]
        self.ask("DELETE", f"/connectors/{name}")

    def ask(self, method: str, path: str, content: Any = None) -> Any:
        """Its answer to a request."""
        data = None if content is None else json.dumps(content).encode()
        headers = {"content-type": "application/json"}
        request = Request(self.url + path, data, headers, method=method)
        try:
            with urlopen(request, timeout=60) as answer:
                return json.loads(answer.read() or b"null")
        except HTTPError as refusal:
            raise AssertionError(f"{method} {path}: {refusal.read().decode()}") from refusal

    def _post(self, name: str) -> None:
        self.ask("POST", "/connectors", {"name": name, "config": self._connectors[name]})
        self.runs(name)

    def runs(self, name: str) -> None:
        """Waits until the connector's task runs; fails with its own words if that failed."""

        def is_running() -> bool:
            try:
                status = self.ask("GET", f"/connectors/{name}/status")
            except AssertionError:  # not known yet
                return False
            states = [task["state"] for task in status["tasks"]]
            failed = [
                task.get("trace", "")[:2000]
                for task in status["tasks"]
                if task["state"] == "FAILED"
            ]
            assert not failed, failed
            return states == ["RUNNING"]

        eventually(is_running, f"the connector {name} runs")
