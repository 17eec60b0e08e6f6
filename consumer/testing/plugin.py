"""Fixtures for pytest, by `pytest_plugins = ["consumer.testing.plugin"]` in the topmost conftest.py."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from consumer.testing.projecting import Projected


@pytest.fixture
def projected() -> Iterator[Projected]:
    """`project`, step by step: each call applies more events, and returns all rows there then are."""
    with closing(Projected()) as steps:
        yield steps
