"""Resets and the guard by sequences on the servers that keep rows; on memory and SQLite they are in tests/unit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from consumer.adapters.postgresql.read_model import PostgresqlReadModel
from consumer.adapters.redis.connection import connect
from consumer.adapters.redis.read_model import RedisReadModel
from consumer.ports.read_model import ReadModel
from tests.servers import PostgresqlServer, RedisServer
from tests.unit.test_guarding import (
    make,
    room,
    strict,
    test_a_duplicate_is_known_after_a_rebalance_and_in_another_partition,
    test_a_duplicate_within_a_batch_is_passed_over_and_counted,
    test_a_gap_halts_before_the_event_and_writes_nothing,
    test_what_a_person_passed_over_is_no_gap_in_that_partition,
)
from tests.unit.test_rebuilding import (
    test_a_partition_that_halted_at_a_gap_goes_on_once_it_is_reset_to_where_it_stands,
    test_a_rebuild_forgets_the_sequences,
    test_a_worker_in_the_middle_writes_nothing_behind_a_reset,
    test_killed_at_any_step_the_next_worker_finds_rows_and_offset_together,
    test_killed_at_any_step_the_same_words_end_it_right,
)

__all__ = [
    "make",
    "room",
    "strict",
    "test_a_duplicate_is_known_after_a_rebalance_and_in_another_partition",
    "test_a_duplicate_within_a_batch_is_passed_over_and_counted",
    "test_a_gap_halts_before_the_event_and_writes_nothing",
    "test_a_partition_that_halted_at_a_gap_goes_on_once_it_is_reset_to_where_it_stands",
    "test_a_rebuild_forgets_the_sequences",
    "test_a_worker_in_the_middle_writes_nothing_behind_a_reset",
    "test_killed_at_any_step_the_next_worker_finds_rows_and_offset_together",
    "test_killed_at_any_step_the_same_words_end_it_right",
    "test_what_a_person_passed_over_is_no_gap_in_that_partition",
]


class Opening:
    """Opens stores: each call a new one in a place of its own."""

    def __init__(self, opened: Callable[[str, float | None], ReadModel]) -> None:
        self._opened = opened
        self._made: list[ReadModel] = []
        self._place = ""

    def __call__(self) -> ReadModel:
        self._place = f"s{uuid4().hex[:12]}"
        return self._kept(None)

    def again(self) -> ReadModel:
        """The last one, as a worker opens it whose session lasts a second."""
        return self._kept(1)

    def _kept(self, seconds: float | None) -> ReadModel:
        self._made.append(self._opened(self._place, seconds))
        return self._made[-1]

    def close(self) -> None:
        for each in self._made:
            each.close()


@pytest.fixture(params=["postgresql", "redis"])
def opened(request: pytest.FixtureRequest) -> Iterator[Opening]:
    if request.param == "postgresql":
        server: PostgresqlServer = request.getfixturevalue("postgresql")
        url = server.database()
        opening = Opening(
            lambda place, seconds: PostgresqlReadModel(url, schema=place, seconds=seconds)
        )
    else:
        valkey: RedisServer = request.getfixturevalue("valkey")
        opening = Opening(lambda place, _: RedisReadModel(connect(valkey.url), prefix=place))
    yield opening
    opening.close()


@pytest.fixture
def read_model(opened: Opening) -> ReadModel:
    return opened()
