"""What `projections new` makes, as its README says, with the built wheel on real servers."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from tests.examples.terminal import Command, Terminal
from tests.scenarios.released import released
from tests.servers import KafkaServer, RedisServer


@pytest.mark.timeout(600)  # seconds; pip installs what the page names
def test_its_readme_leads_to_a_row_over_kafka_and_over_redis(
    tmp_path: Path, kafka: KafkaServer, valkey: RedisServer
) -> None:
    (tmp_path / "released").mkdir()
    (tmp_path / "empty").mkdir()
    environment = released(tmp_path / "released") | {
        "KAFKA": kafka.bootstrap,
        "REDIS_URL": valkey.url,
        "ENVIRONMENT": uuid4().hex,
    }
    with Terminal(tmp_path / "empty", environment) as terminal:
        for typed in (
            "python3 -m venv .venv",
            ". .venv/bin/activate",
            "pip install projection-consumer",
        ):
            terminal.run(Command(typed))
        for source in ("kafka", "redis"):
            name = f"orders-{uuid4().hex[:8]}"  # it names the topic, too
            terminal.run(Command(f"projections new {name} --source {source}"))
            terminal.run(Command(f"cd {name}"))
            ran = terminal.play(str(terminal.folder / "README.md"), without="docker build")
            assert "projections run" in ran[-2].typed
            assert ran[-1].shown == ["('i-1', 'Green tea')"]
            terminal.run(Command("cd .."))
