"""Where the demo plays: its servers, its folder, its projections.yaml, and the commands it starts."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from consumer.demo.stores import PostgresqlStore, SqliteStore, Store
from consumer.embedded.kafka import Kafka
from consumer.embedded.postgresql import Postgresql
from consumer.embedded.valkey import Valkey
from consumer.errors import Misconfigured

#: Streams, or Kafka partitions, of the topic.
PARTITIONS = 4

#: The lease is short, so that a killed worker's streams are soon another's.
_REDIS = """redis: {{url: {redis}, streams: {streams}, lease_seconds: 3}}"""

#: So is the session: the shortest that brokers take unless they are told otherwise.
_KAFKA = """kafka:
      bootstrap_servers: [{kafka}]
      config: {{session.timeout.ms: 6000}}"""

_SETTINGS = """\
offsets: {{redis: {{url: {redis}, prefix: demo}}}}
sources:
  main:
    {source}
projections:
  flights:
    projector: projectors.examples.{projector}
    source: {{from: main, topics: [{topic}]}}
    read_model:
      {read_model}
    batch_size: 500
"""


@dataclass(frozen=True)
class Stage:
    """What is there while the demo runs. Only a SQLite file stays afterwards."""

    workspace: Path
    store: Store
    topic: str
    #: What is written into projections.yaml.
    settings: str

    @property
    def stuck(self) -> Path:
        """Where a stuck worker writes its process id."""
        return self.workspace / "stuck.pid"

    def projections(self, *words: str, log: str, fed: bool = False) -> subprocess.Popen[bytes]:
        """Starts the public command; what it says goes to the file `log` in the workspace.

        With `fed` its standard input is a pipe.
        """
        with (self.workspace / log).open("wb") as output:
            return subprocess.Popen(  # noqa: S603  the command is ours, without a shell
                [sys.executable, "-m", "consumer", *words],
                cwd=self.workspace,
                env=self._environment(),
                stdin=subprocess.PIPE if fed else subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def said(self, log: str, lines: int = 5) -> str:
        """The last lines of a command's output."""
        return "\n".join((self.workspace / log).read_text(errors="replace").splitlines()[-lines:])

    def _environment(self) -> dict[str, str]:
        # What the caller's environment says of its own projections is not meant for these.
        own = {name: value for name, value in os.environ.items() if "PROJECTIONS_" not in name}
        own["FLIGHTS_STUCK"] = str(self.stuck)
        return own


@contextmanager
def stage(kafka: str | None, *, kill: bool, postgresql: bool, folder: Path) -> Iterator[Stage]:
    """Sets it up: Valkey, PostgreSQL if the read model is to be there (else it is a file in `folder`), and
    Kafka if `kafka` is empty (None: none at all; else its address).

    Raises `Misconfigured` where a server, or the folder, is not to be had.
    """
    with ExitStack() as stack:
        workspace = Path(
            stack.enter_context(TemporaryDirectory(prefix="demo-", ignore_cleanup_errors=True))
        )
        # What may be missing comes first.
        store: Store = (
            PostgresqlStore(stack.enter_context(Postgresql()).url)
            if postgresql
            else SqliteStore(_clean(folder))
        )
        stack.callback(store.close)
        redis = stack.enter_context(Valkey()).url
        topic = "flights"
        if kafka is None:
            source = _REDIS.format(redis=redis, streams=PARTITIONS)
        else:
            if kafka:
                topic = f"flights-demo-{uuid4().hex[:8]}"  # the broker may hold an earlier run's
            else:
                kafka = stack.enter_context(Kafka()).bootstrap
            source = _KAFKA.format(kafka=kafka)
        settings = _SETTINGS.format(
            redis=redis,
            source=source,
            topic=topic,
            projector="stuck_flights:StuckFlights" if kill else "counted_flights:CountedFlights",
            read_model=store.settings,
        )
        (workspace / "projections.yaml").write_text(settings)
        yield Stage(workspace, store, topic, settings)


def _clean(folder: Path) -> Path:
    """Where the read model goes, without the one of an earlier run."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("flights.sqlite*"):
            old.unlink()
    except OSError as cause:
        raise Misconfigured(f"the read model cannot go to {folder}: {cause.strerror}") from cause
    return folder.resolve() / "flights.sqlite"
