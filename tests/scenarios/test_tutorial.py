"""The tutorial, from an empty folder with the built wheel, as it is printed, over a real Kafka."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.examples.terminal import Terminal
from tests.scenarios.released import released
from tests.servers import KafkaServer


@pytest.mark.timeout(600)  # seconds; pip installs what the page names
def test_the_tutorial_says_what_happens(tmp_path: Path, kafka: KafkaServer) -> None:
    # The run's own Kafka has been fetched by now, so that the tutorial's starts in seconds.
    (tmp_path / "released").mkdir()
    (tmp_path / "empty").mkdir()
    with Terminal(tmp_path / "empty", released(tmp_path / "released")) as terminal:
        terminal.play("docs/tutorial.md")

    assert list(terminal.addresses) == ["127.0.0.1:29092", "127.0.0.1:26379"]
    assert installed(tmp_path / "empty" / ".venv")


def installed(environment: Path) -> bool:
    """Whether it is the wheel that was run, and not the clone."""
    said = subprocess.run(
        [environment / "bin/python", "-c", "import consumer; print(consumer.__file__)"],
        cwd=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return said.startswith(str(environment))
