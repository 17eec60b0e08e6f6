"""Containers of the image over a Valkey of this machine, held as tightly as the chart holds its pods."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import redis

from consumer.embedded.process import HOST, free_port
from tests import containers

RESTRICTED = (
    *("--network=host", "--read-only", "--tmpfs=/tmp", "--cap-drop=all"),
    "--security-opt=no-new-privileges",
)
CUSTOMERS = 97


@dataclass(frozen=True)
class Place:
    """Settings for the image, and the server that they name."""

    image: str
    settings: Path
    port: int
    url: str

    @classmethod
    def made(cls, image: str, folder: Path, url: str, projector: str) -> Place:
        place = cls(image, folder / "projections.yaml", free_port(), url)
        settings = {
            "offsets": {"redis": {"url": url, "prefix": "image"}},
            "sources": {"main": {"redis": {"url": url, "streams": 2}}},
            "projections": {
                "customers": {
                    "projector": projector,
                    "source": {"from": "main", "topics": ["orders"]},
                    "read_model": {"redis": {"url": url}},
                }
            },
            "http": {"host": HOST, "port": place.port},
        }
        place.settings.write_text(json.dumps(settings))  # JSON is YAML
        return place

    @contextmanager
    def running(self, *command: str) -> Iterator[str]:
        """A container with this command of ours: its id."""
        with containers.running(self.image, *command, options=self._options()) as container:
            yield container

    def says(self, *command: str, stdin: str | None = None) -> str:
        """What this command of ours prints."""
        options = ("run", "--rm", "--interactive", *self._options())
        return containers.podman(*options, self.image, *command, stdin=stdin)

    def publish(self, first: int, events: int) -> None:
        lines = [
            json.dumps(
                {
                    "type": "OrderPlaced",
                    "subject": f"order-{number}",
                    "data": {"customer_id": str(number % CUSTOMERS), "total": "1.50"},
                }
            )
            for number in range(first, first + events)
        ]
        self.says("publish", "orders", "--file", "-", stdin="\n".join(lines) + "\n")

    def counted(self) -> int:
        """How many orders the rows of all customers count."""
        with redis.Redis.from_url(self.url, decode_responses=True) as client:
            rows = client.scan_iter("{read-model}:customer*", count=1000)
            return sum(int(client.hget(key, "orders") or 0) for key in rows)  # type: ignore[arg-type]

    def behind(self) -> int:
        """How many events lie behind the checkpoints."""
        found: dict[str, Any] = json.loads(self.says("status", "customers", "--json"))
        (projection,) = found["projections"]
        return sum(each["lag_events"] for each in projection["partitions"])

    def answers(self, path: str) -> bool:
        """Whether the worker's own port answers 200."""
        try:
            with urllib.request.urlopen(f"http://{HOST}:{self.port}{path}", timeout=5) as response:
                return bool(response.status == HTTPStatus.OK)
        except (urllib.error.URLError, ConnectionError):
            return False

    def _options(self) -> tuple[str, ...]:
        return (*RESTRICTED, f"--volume={self.settings}:/etc/projections/projections.yaml:ro")


def process(container: str) -> dict[str, str]:
    """What the kernel knows of a container's process 1; `Command` is what it runs."""
    form = ("inspect", "--format", "{{.State.Pid}}", container)
    folder = Path("/proc") / containers.podman(*form).strip()
    status = dict(line.split(":\t", 1) for line in (folder / "status").read_text().splitlines())
    command = (folder / "cmdline").read_bytes().decode().rstrip("\0").replace("\0", " ")
    return {**status, "Command": command}
