"""The orders that the publisher makes: real servers project them, by the settings of the compose file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from random import Random
from runpy import run_path
from typing import Any

import pytest

from consumer.engine.publishing import parse_line
from projectors.examples.orders_board import Status
from tests.compose.orders import board
from tests.compose.reading import ROOT
from tests.servers import KafkaServer, PostgresqlServer, RedisServer

FOLDER = ROOT / "deploy" / "compose"
SCRIPT = run_path(str(FOLDER / "events.py"))


def made(seed: int) -> Iterator[dict[str, Any]]:
    events: Iterator[dict[str, Any]] = SCRIPT["events"](Random(seed), "run")
    return events


def test_each_line_is_an_event_that_publish_takes() -> None:
    for number, event in enumerate(islice(made(1), 5_000), start=1):
        parse_line(json.dumps(event).encode(), number)


def test_the_board_shows_every_status_and_does_not_grow_for_ever() -> None:
    standing = board(list(islice(made(2), 50_000)))
    assert set(standing.values()) == {str(status) for status in Status}
    assert len(standing) <= SCRIPT["OPEN"] + SCRIPT["KEPT"] + 1


@pytest.fixture
def settings(
    tmp_path: Path, kafka: KafkaServer, valkey: RedisServer, postgresql: PostgresqlServer
) -> tuple[Path, str]:
    """The settings of the compose file at servers of this machine, and the URL of the read model."""
    database = postgresql.database()
    text = (FOLDER / "projections.yaml").read_text(encoding="utf-8")
    for theirs, here in {
        '"kafka:9092"': json.dumps(kafka.bootstrap),
        '"redis://redis:6379/0"': json.dumps(valkey.url),
        "postgresql://projections@postgres:5432/board": json.dumps(database),
        "/run/secrets/postgres-password": str(FOLDER / "postgres-password"),
        "prefix: compose": f"prefix: {tmp_path.name}",
        "topics: [orders]": f"topics: [{tmp_path.name}]",
        "source: {": f"source: {{group: {tmp_path.name}, ",
        "port: 9464": "port: 0",
    }.items():
        assert text.count(theirs) == 1, theirs
        text = text.replace(theirs, here)
    file = tmp_path / "projections.yaml"
    file.write_text(text, encoding="utf-8")
    return file, database


def projections(settings: Path, *arguments: str, **more: Any) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "consumer", "--config", str(settings), *arguments]
    return subprocess.run(command, check=True, capture_output=True, timeout=120, **more)


def test_what_is_published_stands_on_the_board(
    settings: tuple[Path, str], tmp_path: Path, model: dict[str, Any]
) -> None:
    import psycopg

    file, database = settings
    topic = tmp_path.name
    _, _, *options = model["services"]["topics"]["command"]
    projections(file, "publish", topic, *options)
    with subprocess.Popen(
        [sys.executable, FOLDER / "events.py"],
        env={**os.environ, "EVENTS_PER_SECOND": "1e6"},
        stdout=subprocess.PIPE,
    ) as publisher:
        assert publisher.stdout
        lines = list(islice(publisher.stdout, 4_000))
        publisher.kill()
    projections(file, "publish", topic, "--file", "-", input=b"".join(lines))
    projections(file, "run", "orders", "--until-caught-up")
    with psycopg.connect(database) as connection:
        rows = connection.execute("SELECT order_id, status FROM orders").fetchall()
    expected = board([json.loads(line) for line in lines])
    assert Counter(expected.values())["shipped"]
    assert dict(rows) == expected
