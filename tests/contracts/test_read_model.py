"""The suites of `ReadModel` in memory."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from consumer.adapters.memory.read_model import MemoryReadModel
from consumer.ports.read_model import ReadModel, Transaction
from tests.contracts.read_model_contract import (
    ACCOUNTS,
    ReadModelContract,
    begun,
    fence,
    row,
    write,
)
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


def test_what_prepares_runs_again_where_another_writes_what_it_loaded() -> None:
    model = MemoryReadModel()
    begun(model)
    runs: list[int] = []

    def also(transaction: Transaction) -> None:
        found = transaction.load(ACCOUNTS, [("a",)]).get(("a",), ("a", 0, None))
        if not runs:
            write(model, fence(-1, 1), ("a", 10, None))
        runs.append(1)
        transaction.write(ACCOUNTS, [("a", found[1] + 1, None)])

    model.prepare([ACCOUNTS], also)

    assert row(model, "a") == ("a", 11, None)
