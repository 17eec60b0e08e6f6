"""The suites of `ReadModel` in a SQLite file, and what only such a file can do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from consumer.adapters.sqlite.read_model import SqliteReadModel
from consumer.ports.read_model import ReadModel
from tests.contracts.read_model_contract import DurableReadModelContract
from tests.contracts.read_model_values_contract import ReadModelValuesContract


class TestSqliteReadModel(DurableReadModelContract):
    @pytest.fixture
    def open_model(self, tmp_path: Path) -> Callable[[], ReadModel]:
        return lambda: SqliteReadModel(tmp_path / "rows.db")


class TestSqliteReadModelValues(ReadModelValuesContract):
    @pytest.fixture
    def open_model(self, tmp_path: Path) -> Callable[[], ReadModel]:
        return lambda: SqliteReadModel(tmp_path / "rows.db")
