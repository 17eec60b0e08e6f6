"""Kafka Connect, and a PostgreSQL that tells it what changes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from consumer.embedded.postgresql import Postgresql
from tests import servers
from tests.conftest import _made
from tests.connect.worker import Connect, connect_process


@pytest.fixture(scope="module")
def database() -> Iterator[Postgresql]:
    """A PostgreSQL with logical decoding; a module's tests share it."""
    with ExitStack() as stack:
        yield _made(stack, lambda: servers.postgresql_process({"wal_level": "logical"}))


@pytest.fixture(scope="module")
def connect(kafka: servers.KafkaServer) -> Iterator[Connect]:
    """A Kafka Connect on the run's Kafka; a module's tests share it."""
    with ExitStack() as stack:
        yield _made(stack, lambda: connect_process(kafka.bootstrap))
