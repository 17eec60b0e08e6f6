"""What a worker tells those who watch it over HTTP, while things go well and while they do not."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.contracts.kafka_room import Broker
from tests.fleet import Process, eventually
from tests.hanging import GATE
from tests.ledger import BEFORE_APPLY
from tests.scenarios.kafka.story import Begin, Story, story
from tests.servers import KafkaServer

WATCHED = {"http": {"port": 0, "host": "127.0.0.1"}}


def asked(worker: Process, path: str) -> tuple[int, str]:
    """Status and body; 0 while nothing listens."""
    said = worker.said("listening")
    if not said:
        return 0, ""
    connection = http.client.HTTPConnection("127.0.0.1", said[0]["port"], timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except OSError:
        return 0, ""
    finally:
        connection.close()


def is_ready(worker: Process) -> bool:
    return asked(worker, "/readyz")[0] == 200


def metrics(worker: Process) -> dict[tuple[str, str], float]:
    """Values by name and partition, or reason, or ""."""
    status, text = asked(worker, "/metrics")
    assert status == 200
    return {
        (sample.name, sample.labels.get("partition", sample.labels.get("status", ""))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_worker_tells_what_it_applied_and_where_it_stands(begin: Begin) -> None:
    with begin(document=WATCHED, projection={"lag_seconds": 1}) as story:
        story.publish_everywhere(100)
        worker = story.fleet.spawn()
        eventually(story.fleet.everything_is_committed, "everything is committed")
        assert is_ready(worker)
        eventually(
            lambda: metrics(worker).get(("projection_partition_lag_events", "3")) == 0.0, "no lag"
        )
        told = metrics(worker)
        assert told["projection_events_processed_total", ""] == 400
        assert told["projection_assigned_partitions", ""] == 4
        assert told["projection_partition_offset", "0"] == 99
        assert told["projection_lag_seconds", ""] == 0.0
        assert worker.stop() == 0


def test_the_lag_is_true_while_an_apply_hangs(begin: Begin) -> None:
    with begin(document=WATCHED, projection={"lag_seconds": 1}) as story:
        story.fleet.hold(BEFORE_APPLY)
        story.publish_everywhere(100)
        worker = story.fleet.spawn()

        def lag(name: str) -> float:
            return metrics(worker).get((f"projection_partition_lag_{name}", "2"), 0.0)

        eventually(lambda: asked(worker, "/livez")[0], "it listens")
        eventually(lambda: lag("events") == 100, "all of the partition's events lie behind")
        before = lag("seconds")
        eventually(lambda: lag("seconds") > before > 0, "and they grow older")


def test_a_worker_without_a_partition_is_ready(begin: Begin) -> None:
    with begin(document=WATCHED, partitions=1) as story:
        workers = [story.fleet.spawn() for _ in range(3)]
        for worker in workers:
            eventually(lambda worker=worker: is_ready(worker), "it is ready")
        eventually(
            lambda: (
                sorted(metrics(worker)["projection_assigned_partitions", ""] for worker in workers)
                == [0, 0, 1]
            ),
            "one of them has the partition",
        )


def test_a_revoked_partitions_series_go_away(begin: Begin) -> None:
    def shown(worker: Process) -> set[str]:
        return {key for name, key in metrics(worker) if name == "projection_partition_epoch"}

    with begin(document=WATCHED, partitions=2) as story:
        first = story.fleet.spawn()
        eventually(lambda: is_ready(first) and shown(first) == {"0", "1"}, "it has both")
        second = story.fleet.spawn()
        eventually(lambda: is_ready(second) and len(shown(second)) == 1, "the other has one")
        assert len(shown(first)) == 1
        assert shown(first) | shown(second) == {"0", "1"}


def test_a_worker_that_drains_is_not_ready_and_says_so(begin: Begin) -> None:
    with begin(document=WATCHED) as story:
        story.publish(10)
        story.fleet.hold(BEFORE_APPLY)
        worker = story.fleet.spawn()
        eventually(lambda: story.fleet.held(worker), "it applies")
        worker.terminate()
        eventually(lambda: asked(worker, "/readyz")[0] == 503, "it is not ready any more")
        assert "draining" in asked(worker, "/readyz")[1]
        assert asked(worker, "/livez")[0] == 200
        story.fleet.let_go()
        assert worker.ended() == 0


def test_a_thread_that_hangs_fails_the_liveness_probe(begin: Begin) -> None:
    source: dict[str, Any] = {"codec": "tests.hanging:Hanging"}
    with begin(document=WATCHED, projection={"apply_seconds": 1}, source=source) as story:
        worker = story.fleet.spawn()
        eventually(lambda: is_ready(worker), "it is ready")
        (story.fleet.folder / GATE).touch()
        story.publish(10)
        eventually(lambda: asked(worker, "/livez")[0] == 503, "it hangs", seconds=60)
        assert "has not come round" in asked(worker, "/livez")[1]


@pytest.mark.timeout(120)
def test_a_worker_that_waits_for_redis_lives_and_is_not_ready(
    kafka: KafkaServer, own_valkey: Callable[..., Any], tmp_path: Path
) -> None:
    server = own_valkey(append_only=True)
    with story(Broker(kafka.bootstrap), server.url, tmp_path, document=WATCHED) as told:
        told.publish(10)
        worker = told.fleet.spawn()
        eventually(lambda: is_ready(worker), "it is ready")
        server.kill()
        eventually(lambda: asked(worker, "/readyz")[0] == 503, "Redis is missed")
        assert "offset store" in asked(worker, "/readyz")[1]
        assert asked(worker, "/livez")[0] == 200
        waits_at_start = _spawned_meanwhile(told)
        server.start()
        for each in (worker, waits_at_start):
            eventually(lambda each=each: is_ready(each), "it is ready again")
        told.publish(10)
        eventually(told.fleet.everything_is_committed, "all goes on")


def _spawned_meanwhile(told: Story) -> Process:
    late = told.fleet.spawn()
    eventually(lambda: asked(late, "/readyz")[0] == 503, "another starts, and waits")
    assert asked(late, "/livez")[0] == 200
    return late
