"""Tables that a real Debezium tells of, copied by a `TableProjector`: each form, each change, and a kill."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from consumer.embedded.postgresql import Postgresql
from tests.connect.connectors import settings
from tests.connect.things import COLUMNS, COPIED, EMPTY, HIGH, LOW, NEAR_1970, THERE
from tests.connect.topics import until_written
from tests.connect.worker import Connect
from tests.examples.pages import ROOT
from tests.examples.terminal import clean
from tests.servers import KafkaServer, RedisServer, SchemaRegistry


@dataclass
class Story:
    """A table, the topic of its changes, and projections of it."""

    name: str
    kafka: KafkaServer
    connect: Connect
    database: Postgresql
    redis: str
    registry: str
    folder: Path
    written: int = 0

    @property
    def topic(self) -> str:
        return f"{self.name}.public.{self.name}"

    def does(self, statement: str, records: int) -> None:
        """The shop changes rows, and so many records tell of it."""
        self.asks(statement)
        self.written += records
        until_written(self.kafka.bootstrap, self.topic, self.written)

    def connects(self, form: str, records: int, **more: str) -> None:
        """Debezium is set up, and so many rows are read."""
        config = settings(self.database, self.name, form, self.registry)
        self.connect.create(self.name, {**config, **more})
        self.written += records
        if records:
            until_written(self.kafka.bootstrap, self.topic, self.written)

    def runs(self, projector: str, *, named: str = "it", **projection: Any) -> None:
        """A worker, until it has caught up; its rows are in a schema of the projection's name."""
        source: dict[str, Any] = {"bootstrap_servers": [self.kafka.bootstrap]}
        if self.registry:
            source["schema_registry"] = {"url": self.registry}
        reads = {"from": "main", "topics": [self.topic], "codec": "debezium"}
        document = {
            "offsets": {"redis": {"url": self.redis, "prefix": self.name}},
            "sources": {"main": {"kafka": source}},
            "projections": {
                named: {
                    "projector": f"tests.connect.things:{projector}",
                    "source": reads,
                    "read_model": {"postgresql": {"url": self.database.url, "schema": named}},
                    **projection,
                }
            },
        }
        file = self.folder / "projections.yaml"
        file.write_text(json.dumps(document))
        done = subprocess.run(
            [sys.executable, "-m", "consumer", "run", named, "--until-caught-up"],
            env=clean()
            | {
                "PYTHONPATH": str(ROOT),
                "PROJECTIONS_CONFIG": str(file),
                "THINGS": self.name,
            },
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def asks(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database.url, autocommit=True) as connection:
            connection.execute("SET timezone = 'UTC'")
            done = connection.execute(statement)
            return done.fetchall() if done.description else []

    def counted(self, schema: str = "it") -> dict[int, int]:
        """How often each row was changed, as the read model says."""
        rows = self.asks(f"SELECT id, changes FROM {schema}.count_of_{self.name}")
        return dict(rows)

    def is_copied(self) -> int:
        """Whether the copy holds what the table holds; how many rows that are."""
        there = self.asks(f"SELECT row({THERE})::text FROM {self.name} ORDER BY id")
        copied = self.asks(f"SELECT row({COPIED})::text FROM it.copy_of_{self.name} ORDER BY id")
        assert copied == there
        return len(there)


@pytest.fixture
def begin(
    kafka: KafkaServer,
    connect: Connect,
    database: Postgresql,
    valkey: RedisServer,
    tmp_path: Path,
) -> Callable[..., Story]:
    def begin(name: str, registry: str = "") -> Story:
        story = Story(name, kafka, connect, database, valkey.url, registry, tmp_path)
        types = story.asks("SELECT 1 FROM pg_type WHERE typname = 'mood'")
        if not types:
            story.asks("CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')")
        for schema in ("it", "naive"):
            story.asks(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        story.asks(f"CREATE TABLE {name} ({COLUMNS})")
        story.asks(f"ALTER TABLE {name} REPLICA IDENTITY FULL")
        return story

    return begin


@pytest.mark.parametrize("form", ["schema", "plain", "avro"])
def test_a_table_is_copied_through_all_that_becomes_of_it(
    begin: Callable[..., Story], form: str, request: pytest.FixtureRequest
) -> None:
    registry: SchemaRegistry | None = (
        request.getfixturevalue("schema_registry") if form == "avro" else None
    )
    story = begin(f"things_{form}", registry.url if registry else "")
    insert = f"INSERT INTO {story.name} VALUES "
    story.asks(insert + f"({HIGH})")
    story.asks(insert + f"({NEAR_1970})")

    story.connects(form, 2)
    story.runs("copies")
    assert story.is_copied() == 2

    story.does(insert + f"({LOW}), ({EMPTY})", 2)
    story.does(
        f"UPDATE {story.name} SET price = price / 2, seen = seen - interval '1 us' WHERE born < '2000-01-01'",
        2,
    )
    story.runs("copies")
    assert story.is_copied() == 4

    story.does(f"UPDATE {story.name} SET id = 5 WHERE id = 4", 3)
    story.does(f"DELETE FROM {story.name} WHERE id = 1", 2)
    story.runs("copies")
    assert story.is_copied() == 3

    story.does(f"TRUNCATE {story.name}", 1)
    story.does(insert + f"({EMPTY})", 1)
    story.runs("copies")
    assert story.is_copied() == 1
    story.connect.delete(story.name)


def test_what_a_killed_connect_writes_again_is_counted_once(begin: Callable[..., Story]) -> None:
    story = begin("things_again")
    # Without a snapshot: nothing is noted for a minute, so all is written again.
    story.connects("schema", 0, **{"snapshot.mode": "no_data"})
    changes = [
        f"INSERT INTO {story.name} VALUES ({HIGH})",
        f"INSERT INTO {story.name} VALUES ({EMPTY})",
    ]
    changes += [f"UPDATE {story.name} SET notes = '{n}'" for n in range(5)]
    for statement in changes[:2]:
        story.does(statement, 1)
    for statement in changes[2:]:
        story.does(statement, 2)
    story.runs("counts", sequences={"gaps": "ignore"})
    assert story.counted() == {1: 6, 4: 6}

    story.connect.restart()
    until_written(story.kafka.bootstrap, story.topic, 2 * story.written)
    story.written *= 2
    story.does(f"UPDATE {story.name} SET notes = 'once more'", 2)
    story.runs("counts", sequences={"gaps": "ignore"})
    story.runs("counts", named="naive")
    assert story.counted() == {1: 7, 4: 7}
    assert story.counted("naive") == {1: 13, 4: 13}
    story.connect.delete(story.name)
