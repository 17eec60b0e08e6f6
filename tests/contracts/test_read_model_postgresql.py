"""The suites of `ReadModel` on PostgreSQL, directly and behind a pooler."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from consumer.adapters.postgresql.read_model import PostgresqlReadModel
from tests.contracts.read_model_contract import DurableReadModelContract
from tests.contracts.read_model_values_contract import ReadModelValuesContract
from tests.servers import PostgresqlServer

OpenModel = Callable[[], PostgresqlReadModel]


class TestPostgresqlReadModel(DurableReadModelContract):
    seal_waits = True

    @pytest.fixture
    def open_model(self, postgresql: PostgresqlServer) -> OpenModel:
        url = postgresql.database()
        return lambda: PostgresqlReadModel(url, schema="shop", seconds=30)


class TestPostgresqlReadModelValues(ReadModelValuesContract):
    @pytest.fixture
    def open_model(self, postgresql: PostgresqlServer) -> OpenModel:
        url = postgresql.database()
        return lambda: PostgresqlReadModel(url)
