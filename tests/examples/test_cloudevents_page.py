"""docs/cloudevents.md is typed as it stands, on a Kafka of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from consumer.adapters.kafka.publisher import create_topic
from consumer.embedded.kafka import Kafka
from tests.examples.pages import ROOT
from tests.examples.terminal import Terminal, clean


def test_the_page_about_cloudevents(tmp_path: Path, own_kafka: Callable[..., Kafka]) -> None:
    bootstrap = own_kafka().bootstrap
    create_topic({"bootstrap.servers": bootstrap}, "till", 1)
    environment = clean() | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": f"{ROOT}:{tmp_path}",
        "KAFKA": bootstrap,
    }
    ran = Terminal(tmp_path, environment).play("docs/cloudevents.md")
    assert ran[-1].shown
