"""A real Prometheus that scrapes workers, with rules of alerts."""

from __future__ import annotations

import http.client
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from consumer.embedded.process import HOST, ServerProcess, free_port


class Prometheus:
    """What it answers on its API."""

    def __init__(self, port: int) -> None:
        self._port = port

    def get(self, path: str, **query: str) -> Any:
        """The `data` of its answer."""
        connection = http.client.HTTPConnection(HOST, self._port, timeout=10)
        try:
            connection.request("GET", f"/api/v1/{path}?{urlencode(query)}")
            answer = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        assert answer["status"] == "success", answer
        return answer["data"]

    def answers(self) -> bool:
        try:
            return bool(self.get("status/buildinfo"))
        except (OSError, ValueError):  # while it reads what it has on disk it says so in words
            return False

    def value(self, query: str) -> list[Any]:
        """The series that a query finds now."""
        found: list[Any] = self.get("query", query=query)["result"]
        return found

    def firing(self) -> set[str]:
        """The names of the alerts that fire."""
        alerts = self.get("alerts")["alerts"]
        return {each["labels"]["alertname"] for each in alerts if each["state"] == "firing"}


@contextmanager
def prometheus(
    folder: Path, ports: Sequence[int], rules: list[dict[str, Any]]
) -> Iterator[Prometheus]:
    """One that looks at these ports of this machine each second."""
    program = shutil.which("prometheus")
    assert program, "whoever asks has looked for it"
    (folder / "rules.json").write_text(json.dumps({"groups": [{"name": "all", "rules": rules}]}))
    targets = [f"{HOST}:{port}" for port in ports]
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(folder / "rules.json")],
        "scrape_configs": [{"job_name": "workers", "static_configs": [{"targets": targets}]}],
    }
    (folder / "prometheus.json").write_text(json.dumps(config))  # JSON is YAML
    port = free_port()
    command = [
        program,
        f"--config.file={folder / 'prometheus.json'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={HOST}:{port}",
    ]
    found = Prometheus(port)
    log = folder / "prometheus.log"
    server = ServerProcess("prometheus", command, log=log, answers=found.answers)
    server.start()
    try:
        yield found
    finally:
        server.stop()
