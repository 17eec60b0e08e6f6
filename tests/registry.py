"""A real schema registry for tests: Apicurio's, out of Maven Central, on Java from a package.

Not in Docker, though the project has an image: the packages give the very same program wherever there
is Java, and an image that no test of ours can have would be a way that nobody has walked.
"""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from pathlib import Path

from consumer.embedded.kafka import java
from consumer.embedded.process import free_port
from consumer.embedded.server import EmbeddedServer
from consumer.errors import Misconfigured
from tests.jvm import fetching
from tests.tools import cache

RELEASE = "3.3.3"

#: A small heap is enough for a few hundred schemas; the serial collector and the first compiler alone
#: start twice as fast as the defaults.
_JVM = ("-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")

#: Where Apicurio answers as Confluent's registry would.
_CONFLUENT = "/apis/ccompat/v7"


class Registry(EmbeddedServer):
    """A schema registry, an `EmbeddedServer`. What was registered outlives each start."""

    def __init__(self, *, folder: Path | None = None, release: str = RELEASE) -> None:
        program = unpacked(release) / "quarkus-run.jar"
        super().__init__("Registry", folder)
        properties = {
            "quarkus.http.host": self.host,
            "quarkus.http.port": self.port,
            # On disk before it answers: for who kills it.
            "apicurio.datasource.url": f"jdbc:h2:file:{self.folder / 'schemas'};WRITE_DELAY=0",
            # Its metrics and health, which would else be shown to the network, and at one port for all.
            "quarkus.management.host": self.host,
            "quarkus.management.port": free_port(),
            "java.io.tmpdir": self.folder,
        }
        options = [f"-D{name}={value}" for name, value in properties.items()]
        self._runs([java(), *_JVM, *options, "-jar", program], answers=self._lists_subjects)

    @property
    def url(self) -> str:
        """Its API as Confluent's, for `schema.registry.url`."""
        return f"http://{self._address}{_CONFLUENT}"

    def _lists_subjects(self) -> bool:
        answer = self._says(f"GET {_CONFLUENT}/subjects HTTP/1.0\r\n\r\n".encode())
        return b" 200 " in answer.partition(b"\r\n")[0]


def unpacked(release: str = RELEASE) -> Path:
    """The folder with the program, fetched from Maven Central once (150 MB) and kept in the user's cache.

    `Misconfigured` where it is not to be had.
    """
    folder = cache() / f"apicurio-registry-{release}"
    with fetching():
        if not folder.exists():
            archive = _fetched(release)
            unfinished = Path(tempfile.mkdtemp(prefix="apicurio-", dir=folder.parent))
            try:
                with tarfile.open(archive) as tar:
                    tar.extractall(unfinished, filter="data")
                unfinished.rename(folder)
            except (tarfile.TarError, EOFError, OSError) as cause:
                # jgo keeps what it had of a download that was broken off, and would never ask again.
                archive.unlink()
                shutil.rmtree(unfinished, ignore_errors=True)
                raise Misconfigured(f"{archive.name} was broken: try again ({cause})") from cause
    return folder


def _fetched(release: str) -> Path:
    try:
        from jgo.maven import MavenContext
    except ImportError:
        raise Misconfigured("Apicurio's registry needs the package jgo") from None
    try:
        project = MavenContext().project("io.apicurio", "apicurio-registry-app")
        return Path(project.at_version(release).artifact("all", "tar.gz").resolve())
    except Exception as cause:
        why = next(iter(str(cause).strip().splitlines()), type(cause).__name__)
        raise Misconfigured(
            f"Apicurio's registry {release} could not be had from Maven Central: {why}"
        ) from cause
