"""Images that stand in for those that docker-compose.yml and the test servers ask for: nothing can be pulled here."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from consumer.embedded.kafka import jars, java
from tests import containers

#: The true image's name, and the target of the Dockerfile that stands in for it.
STAND_INS = {
    "docker.io/apache/kafka:4.3.1": "kafka",
    "docker.io/library/redis:8": "redis",
    "docker.io/library/redis:7.0": "redis",
    "docker.io/library/redis:6.2": "redis",
    "docker.io/valkey/valkey:9": "redis",
    "docker.io/library/postgres:18": "postgres",
    "docker.io/prom/prometheus:v3.4.2": "prometheus",
}

_HERE = Path(__file__).parent


def build() -> None:
    """Each under the name of the one it stands in for; the second time from the cache."""
    with containers.locked("stand-ins"), tempfile.TemporaryDirectory(prefix="stand-ins-") as folder:
        context = Path(folder) / "context"
        shutil.copytree(_HERE, context)
        shutil.copytree(java().parents[1], context / "java")
        (context / "jars").mkdir()
        for jar in jars():
            shutil.copy2(jar, context / "jars")
        for name, target in STAND_INS.items():
            containers.build(name, context, arguments=(f"--target={target}",))
