"""The test servers where a container engine answers: testcontainers runs them, on podman's Docker API."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests import containers
from tests.compose import standins
from tests.fleet import ROOT

#: Run apart, for testcontainers reads the environment once. Each server is found as the fixtures find it.
FIND = """
import docker
import psycopg
import redis
from confluent_kafka.admin import AdminClient
from tests import servers

engine = docker.from_env()

def images():
    return [each.attrs["Config"]["Image"] for each in engine.containers.list()]

with servers.kafka() as kafka:
    print(*images(), len(AdminClient({"bootstrap.servers": kafka.bootstrap}).list_topics(timeout=10).brokers))
for find in (servers.valkey, servers.redis_62, servers.redis_70):
    with find() as found, redis.Redis.from_url(found.url) as client:
        print(*images(), client.set("a", 1))
with servers.postgresql() as postgresql:
    with psycopg.connect(postgresql.url) as connection:
        print(*images(), connection.execute("SELECT 1").fetchone()[0])
print(*images(), "left")
"""


@pytest.fixture(scope="module")
def engine() -> Iterator[str]:
    try:
        standins.build()
        with containers.service() as address:
            yield address
    except containers.ContainersMissing as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(f"containers are missing: {missing}", pytrace=False)
        pytest.skip(f"containers are missing: {missing}")


def test_every_server_is_run_by_the_engine_that_answers_and_is_gone_afterwards(engine: str) -> None:
    found = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PROJECTIONS_TEST_")
    }
    told = {
        **found,
        "DOCKER_HOST": engine,
        "TESTCONTAINERS_RYUK_DISABLED": "true",  # the image that cleans up is of a registry
        "TESTCONTAINERS_CONNECTION_MODE": "docker_host",
    }
    done = subprocess.run(
        [sys.executable, "-c", FIND],
        cwd=ROOT,
        env=told,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "docker.io/apache/kafka:4.3.1 1",
        "docker.io/valkey/valkey:9 True",
        "docker.io/library/redis:6.2 True",
        "docker.io/library/redis:7.0 True",
        "docker.io/library/postgres:18 1",
        "left",
    ]
