"""The tutorial, from an empty folder with the built wheel, as it is printed, over a real Kafka."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.examples.pages import ROOT
from tests.examples.terminal import Terminal, clean
from tests.servers import KafkaServer


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment whose pip takes this tree's wheel, and of all else the versions we test with."""
    folder = tmp_path_factory.mktemp("wheel")
    building = ["-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    built = subprocess.run([sys.executable, *building], capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    frozen = subprocess.run(
        [sys.executable, "-m", "pip", "freeze", "--exclude-editable"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    versions = folder / "versions.txt"
    versions.write_text(f"projection-consumer=={version('projection-consumer')}\n{frozen}")
    return clean() | {
        "PIP_FIND_LINKS": f"{os.environ.get('PIP_FIND_LINKS', '')} {folder}",
        "PIP_CONSTRAINT": str(versions),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PROJECTIONS_LOG_FORMAT": "console",  # as on a terminal
    }


def test_the_tutorial_says_what_happens(
    tmp_path: Path, released: dict[str, str], kafka: KafkaServer
) -> None:
    # The run's own Kafka has been fetched by now, so that the tutorial's starts in seconds.
    with Terminal(tmp_path, released) as terminal:
        terminal.play("docs/tutorial.md")

    assert list(terminal.addresses) == ["127.0.0.1:29092", "127.0.0.1:26379"]
    site = subprocess.run(
        [tmp_path / ".venv/bin/python", "-c", "import consumer; print(consumer.__file__)"],
        cwd="/",
        env=released,
        capture_output=True,
        text=True,
    )
    assert site.stdout.startswith(str(tmp_path / ".venv")), site
