"""docker-compose.yml run for real: published, projected, a worker killed, Redis restarted, watched, and gone."""

from __future__ import annotations

import copy
import json
import os
import re
import shlex
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

import pytest

from tests.compose.orders import board
from tests.compose.stack import Stack
from tests.containers import ContainersMissing
from tests.fleet import ROOT, eventually

#: Run in a worker's container: each event of the topic, whole and in the order of its partition.
READ_THE_TOPIC = """
import sys
from confluent_kafka import Consumer, TopicPartition
c = Consumer({"bootstrap.servers": "kafka:9092", "group.id": "truth", "enable.partition.eof": True, "auto.offset.reset": "earliest"})
left = set(c.list_topics("orders").topics["orders"].partitions)
c.assign([TopicPartition("orders", p, 0) for p in left])
while left:
    m = c.poll(10)
    if m.error():
        left.discard(m.partition())
    else:
        print(m.value().decode())
"""


@pytest.fixture(scope="module")
def stack(model: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    try:
        stack = Stack(copy.deepcopy(model), tmp_path_factory.mktemp("compose"))
    except ContainersMissing as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(f"containers are missing: {missing}", pytrace=False)
        pytest.skip(f"containers are missing: {missing}")
    try:
        stack.up()
        yield stack
    finally:
        stack.compose("down", "--volumes")


def test_two_runs_at_once_on_one_machine_are_two_projects(
    model: dict[str, Any], tmp_path: Path
) -> None:
    found = set()
    for run in ("one", "two"):
        folder = tmp_path / run / "compose0"
        folder.mkdir(parents=True)
        try:
            found.add(Stack(copy.deepcopy(model), folder).project)
        except ContainersMissing as missing:
            pytest.skip(f"containers are missing: {missing}")
    assert len(found) == 2


def standing(stack: Stack) -> dict[str, str]:
    """The board, as PostgreSQL has it."""
    query = "COPY (SELECT order_id, status FROM orders) TO STDOUT"
    said = stack.exec("postgres", "psql", "-U", "projections", "board", "-c", query)
    return dict(line.split("\t") for line in said.splitlines())


def count(stack: Stack) -> int:
    return int(
        stack.exec(
            "postgres", "psql", "-U", "projections", "board", "-Atc", "SELECT count(*) FROM orders"
        )
    )


def grows(stack: Stack) -> None:
    """Waits until the board shows orders that were not there."""
    before = count(stack)
    eventually(lambda: count(stack) > before, "an order more on the board", 60)


def test_a_worker_killed_and_a_redis_restarted_lose_nothing(stack: Stack) -> None:
    eventually(lambda: count(stack), "orders on the board", 60)
    killed, other = stack.containers("worker")
    pid = stack.pid(killed)

    stack.kill(killed)
    eventually(lambda: stack.pid(killed) not in (0, pid), "the worker back by itself", 60)
    eventually(lambda: stack.is_healthy(killed), "the worker ready again", 60)
    grows(stack)

    before = stack.pid(stack.containers("redis")[0])
    stack.compose("restart", "redis")
    assert stack.pid(stack.containers("redis")[0]) != before
    grows(stack)
    eventually(lambda: all(map(stack.is_healthy, (killed, other))), "both workers ready", 60)

    stack.compose("stop", "publisher")
    events = [
        json.loads(line)
        for line in stack.exec("worker", "python", "-", stdin=READ_THE_TOPIC).splitlines()
    ]
    expected = board(events)
    assert len(expected) > 100
    eventually(lambda: standing(stack) == expected, f"the board: {Counter(expected.values())}", 60)


def test_the_command_of_the_file_s_first_lines_tells_which_worker_has_which_partition(
    stack: Stack,
) -> None:
    def owners() -> dict[str, str]:
        said = json.loads(stack.exec("worker", "projections", "status", "--json"))
        (orders,) = (
            said["projections"].values()
            if isinstance(said["projections"], dict)
            else said["projections"]
        )
        return {
            row["partition"]: row["owner"] for row in orders["partitions"] if row["owner_present"]
        }

    eventually(
        lambda: set(owners()) == {f"orders/{n}" for n in range(8)}, "all partitions owned", 30
    )
    assert sorted(Counter(owners().values()).values()) == [4, 4]


@pytest.mark.parametrize("page", ["docker-compose.yml", "docs/compose.md"])
def test_each_command_that_a_reader_is_told_to_run_in_a_container_runs(
    stack: Stack, page: str
) -> None:
    told = re.findall(r"docker compose exec (.*)", (ROOT / page).read_text())
    assert len(told) == 2
    for line in told:
        assert len(stack.exec(*shlex.split(line)).splitlines()) > 3


def test_prometheus_finds_both_workers_and_counts_what_they_project(stack: Stack) -> None:
    address = stack.address(stack.containers("prometheus")[0])

    def asked(query: str) -> list[dict[str, Any]]:
        with urlopen(
            f"http://{address}:9090/api/v1/query?query={quote(query)}", timeout=5
        ) as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
            return found

    eventually(lambda: len(asked('up{job="projections"} == 1')) == 2, "both workers scraped", 60)
    eventually(lambda: asked("sum(projection_events_processed_total) > 100"), "events counted", 60)


def test_down_with_its_volumes_leaves_nothing(stack: Stack) -> None:
    kinds = {each.split()[0] for each in stack.left()}
    assert kinds == {"container", "volume", "network"}
    stack.compose("down", "--volumes")
    assert stack.left() == []
