"""The suites of `ReadModel` in memory."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from consumer.adapters.memory.read_model import MemoryReadModel
from consumer.ports.read_model import ReadModel
from tests.contracts.read_model_contract import ReadModelContract
from tests.contracts.read_model_values_contract import ReadModelValuesContract


@pytest.fixture
def open_model() -> Callable[[], ReadModel]:
    model = MemoryReadModel()
    return lambda: model


class TestMemoryReadModel(ReadModelContract):
    @pytest.fixture
    def open_model(self, open_model: Callable[[], ReadModel]) -> Callable[[], ReadModel]:
        return open_model


class TestMemoryReadModelValues(ReadModelValuesContract):
    @pytest.fixture
    def open_model(self, open_model: Callable[[], ReadModel]) -> Callable[[], ReadModel]:
        return open_model
