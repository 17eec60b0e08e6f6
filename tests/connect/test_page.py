"""The page about Debezium is typed as it stands: a real PostgreSQL, a real Connect, a real Kafka."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

from consumer.embedded.postgresql import Postgresql, binaries
from consumer.embedded.valkey import Valkey
from tests.connect.topics import until_written
from tests.connect.worker import Connect
from tests.examples.pages import ROOT, blocks
from tests.examples.terminal import Terminal, clean, commands
from tests.servers import KafkaServer

PAGE = "docs/debezium.md"
#: How many records there are once all that was done so far is written, before each command that reads them.
WRITTEN = [
    ("shop.public.customers", 3),
    ("shop.public.customers", 9),  # a change of a key is a delete, a tombstone, and a create
    ("outbox.event.order", 1),
]


def test_the_page_is_typed_as_it_stands(
    kafka: KafkaServer,
    connect: Connect,
    database: Postgresql,
    own_valkey: Callable[..., Valkey],
    tmp_path: Path,
) -> None:
    places = {
        "127.0.0.1:9092": kafka.bootstrap,
        "127.0.0.1:8083": connect.url.removeprefix("http://"),
        "127.0.0.1:5432": database.address,
        "127.0.0.1:6379": own_valkey().url.removeprefix("redis://").partition("/")[0],
        '"database.port": "5432"': f'"database.port": "{database.port}"',
    }

    def here(text: str) -> str:
        return re.sub("|".join(map(re.escape, places)), lambda found: places[found[0]], text)

    files = {"shop.sql": blocks(PAGE, "sql")[0], "outbox.sql": blocks(PAGE, "sql")[1]}
    files |= {"connector.json": blocks(PAGE, "json")[0], "outbox.json": blocks(PAGE, "json")[1]}
    for text in [*blocks(PAGE, "python"), *blocks(PAGE, "yaml")]:
        if named := re.match(r"# (\S+)\n", text):
            files[named[1]] = text
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(here(text))
    environment = clean() | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}:{binaries()}",
        "PYTHONPATH": f"{ROOT}:{tmp_path}",
    }

    runs = iter(WRITTEN)
    with Terminal(tmp_path, environment) as terminal:
        for command in [each for text in blocks(PAGE, "console") for each in commands(here(text))]:
            if " run " in command.typed:
                until_written(kafka.bootstrap, *next(runs))
            terminal.run(command)
    assert next(runs, None) is None
