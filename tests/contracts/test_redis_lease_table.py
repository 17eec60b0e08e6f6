"""The scripts that change members and leases, on real servers, a cluster among them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from consumer.adapters.redis.connection import Client, connect
from consumer.adapters.redis.lease_table import LeaseTable
from consumer.adapters.redis.shares import Table
from tests.contracts.redis_room import fresh


@pytest.fixture(params=["valkey", "redis_62", "valkey_cluster"])
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    server = request.getfixturevalue(request.param)
    made = connect(server.url, cluster=request.param == "valkey_cluster")
    yield made
    made.close()


@pytest.fixture
def table(client: Client) -> LeaseTable:
    return LeaseTable(client, prefix="test", projection=fresh("customers"), topic="orders")


def test_a_beat_makes_a_member_and_shows_the_table(table: LeaseTable) -> None:
    assert table.beat("a") == Table({"a": 1}, {})
    assert table.beat("b") == Table({"a": 1, "b": 1}, {})
    assert table.beat("a") == Table({"a": 2, "b": 1}, {})


def test_a_stream_has_one_owner_whoever_asks_for_it_too(table: LeaseTable) -> None:
    table.beat("a")
    table.beat("b")
    assert table.take("a", 2, [0, 1, 2]) == [0, 1]
    assert table.take("b", 2, [0, 1, 2]) == [2]
    assert table.beat("a").leases == {0: "a", 1: "a", 2: "b"}


def test_who_was_thought_dead_takes_nothing_before_its_next_beat(table: LeaseTable) -> None:
    table.beat("a")
    table.remove("a")
    assert table.take("a", 1, [0]) == []
    table.beat("a")
    assert table.take("a", 1, [0]) == [0]


def test_the_dead_go_with_all_their_leases(table: LeaseTable) -> None:
    table.beat("a")
    table.beat("b")
    table.take("a", 2, [0, 1])
    table.take("b", 1, [2])
    table.remove("a", 1)
    assert table.beat("b") == Table({"b": 2}, {2: "b"})


def test_who_moved_since_it_was_thought_dead_stays(table: LeaseTable) -> None:
    table.beat("a")
    table.take("a", 1, [0])
    table.beat("a")
    table.remove("a", 1)
    assert table.beat("b") == Table({"a": 2, "b": 1}, {0: "a"})


def test_a_worker_releases_what_is_its_own_and_nothing_else(table: LeaseTable) -> None:
    table.beat("a")
    table.beat("b")
    table.take("a", 1, [0])
    table.take("b", 1, [1])
    table.release("a", [0, 1])
    assert table.beat("a").leases == {1: "b"}


def test_projections_and_topics_are_apart(client: Client, table: LeaseTable) -> None:
    table.beat("a")
    name = fresh("customers")
    for other in ({"projection": name, "topic": "orders"}, {"projection": name, "topic": "stock"}):
        assert LeaseTable(client, prefix="test", **other).beat("b").members == {"b": 1}
