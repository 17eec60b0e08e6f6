"""`projections run`, as an operator meets it: how it ends, and what it has done by then."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
import redis

from consumer.cli import exits
from consumer.embedded.valkey import Valkey
from tests.scenarios.shop import Shop, facts, wait_until
from tests.servers import RedisServer

ONCE = {str(n): 1 for n in range(200)}


@pytest.fixture
def shop(tmp_path: Path, valkey: RedisServer) -> Shop:
    return Shop.at(tmp_path, redis=valkey.url, prefix=f"run-{uuid4().hex}")


def test_until_caught_up_applies_everything_once_and_ends(shop: Shop) -> None:
    shop.publish(range(200))

    for _ in range(2):
        done = shop.projections("run", "orders", "--until-caught-up")

        assert (done.returncode, done.stdout) == (exits.DONE, "")
        assert shop.applied == ONCE
    assert {fact["event"] for fact in facts(done.stderr)} >= {"started", "claimed", "stopped"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_worker_finishes_its_batch_and_nothing_is_repeated(
    shop: Shop, number: signal.Signals
) -> None:
    shop.publish(range(200))
    (shop.folder / "hold").touch()
    with shop.running("run", "orders") as worker:
        wait_until((shop.folder / "held").exists)
        worker.send_signal(number)
        (shop.folder / "hold").unlink()
        _, log = worker.communicate(timeout=30)

    assert worker.returncode == exits.DONE, log
    assert facts(log)[-1]["event"] == "stopped"
    assert 1 <= shop.applied.total() < 200, "it went on after it was told to stop"
    assert shop.projections("run", "orders", "--until-caught-up").returncode == exits.DONE
    assert shop.applied == ONCE


def test_a_batch_that_outlasts_the_drain_ends_the_process_and_comes_again(shop: Shop) -> None:
    shop.publish(range(200))
    (shop.folder / "hold").touch()
    with shop.running("run", "orders") as worker:
        wait_until((shop.folder / "held").exists)
        worker.send_signal(signal.SIGTERM)
        _, log = worker.communicate(timeout=30)

    assert worker.returncode == exits.UNDRAINED
    assert "the batch in hand is not done 1 s after the worker was told to stop" in log
    assert not shop.applied
    (shop.folder / "hold").unlink()
    assert shop.projections("run", "orders", "--until-caught-up").returncode == exits.DONE
    assert shop.applied == ONCE


def test_an_event_that_cannot_be_read_halts_its_partition_alone(
    shop: Shop, valkey: RedisServer
) -> None:
    shop.publish(range(200))
    with redis.Redis.from_url(valkey.url) as client:
        client.xadd(f"{shop.topic}:2", {"data": "no event"})

    done = shop.projections("run", "orders", "--until-caught-up")

    assert done.returncode == exits.HALTED
    assert shop.applied == ONCE
    (halted,) = (fact for fact in facts(done.stderr) if fact["event"] == "halted")
    assert (halted["partition"], halted["level"]) == (f"{shop.topic}/2", "error")
    assert halted["cause"].startswith("Undecodable: ")
    assert "no event" not in done.stderr


def test_an_event_that_cannot_be_read_may_be_skipped(shop: Shop, valkey: RedisServer) -> None:
    settings = shop.folder / "projections.yaml"
    settings.write_text(settings.read_text() + "    on_undecodable: skip\n")
    shop.publish(range(200))
    with redis.Redis.from_url(valkey.url) as client:
        client.xadd(f"{shop.topic}:2", {"data": "no event"})

    done = shop.projections("run", "orders", "--until-caught-up")

    assert done.returncode == exits.DONE
    assert shop.applied == ONCE
    assert sum(fact["event"] == "skipped" for fact in facts(done.stderr)) == 1


def test_a_projector_that_fails_is_asked_again_until_it_is_mended(shop: Shop) -> None:
    shop.publish(range(200))
    (shop.folder / "fail").touch()

    with shop.running("--log-level", "warning", "run", "orders", "--until-caught-up") as worker:
        assert worker.stderr is not None
        attempt = 0
        while attempt < 2:
            (waits,) = facts(worker.stderr.readline())
            assert waits["event"] == "waiting"
            assert "KeyError at " in waits["cause"]
            assert "jane" not in waits["cause"]
            attempt = waits["attempt"]
        (shop.folder / "fail").unlink()
        worker.communicate(timeout=60)

    assert worker.returncode == exits.DONE
    assert shop.applied == ONCE


def test_a_worker_waits_for_a_redis_that_is_away_when_it_starts(
    tmp_path: Path, own_valkey: Callable[..., Valkey]
) -> None:
    server = own_valkey(append_only=True)
    shop = Shop.at(tmp_path, redis=server.url, prefix="away")
    shop.publish(range(200))
    server.stop()

    with shop.running("run", "orders", "--until-caught-up") as worker:
        assert worker.stderr is not None
        (waits,) = facts(worker.stderr.readline())
        assert (waits["event"], waits["level"]) == ("delayed", "warning")
        server.start()
        _, log = worker.communicate(timeout=60)

    assert worker.returncode == exits.DONE, log
    assert shop.applied == ONCE


HELD = """
class Orders:
    name = "orders"
    handles = None
    closed = False

    def apply(self, batch):
        if self.closed:
            raise RuntimeError("it was closed")
        with open("applied", "a") as applied:
            applied.write("".join(f"{event.id}\\n" for event in batch))

    def close(self):
        self.closed = True

orders = Orders()
"""


def test_a_projector_is_not_closed_while_its_worker_waits_to_begin(
    tmp_path: Path, own_valkey: Callable[..., Valkey]
) -> None:
    server = own_valkey(append_only=True)
    shop = Shop.at(tmp_path, redis=server.url, prefix="held")
    shop.publish(range(20))
    (tmp_path / "shop.py").write_text(HELD)
    settings = tmp_path / "projections.yaml"
    settings.write_text(settings.read_text().replace("shop:Orders", "shop:orders"))
    server.stop()

    with shop.running("run", "orders", "--until-caught-up") as worker:
        assert worker.stderr is not None
        worker.stderr.readline()
        server.start()
        _, log = worker.communicate(timeout=60)

    assert worker.returncode == exits.DONE, log
    assert shop.applied.total() == 20


def test_until_caught_up_ends_on_a_topic_on_which_events_never_stop(
    shop: Shop, valkey: RedisServer
) -> None:
    shop.publish(range(10))
    ended = threading.Event()

    def publish() -> None:
        with redis.Redis.from_url(valkey.url) as client:
            fields = {"specversion": "1.0", "source": "/t", "type": "OrderPlaced", "subject": "o"}
            number = 1000
            while not ended.wait(0.01):
                number += 1
                client.xadd(f"{shop.topic}:{number % 4}", {**fields, "id": str(number)})

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        done = shop.projections("run", "orders", "--until-caught-up")
    finally:
        ended.set()
        thread.join()

    assert done.returncode == exits.DONE
    assert shop.applied.keys() >= {str(n) for n in range(10)}


def test_a_worker_that_waits_for_redis_stops_when_it_is_told_to(
    tmp_path: Path, own_valkey: Callable[..., Valkey]
) -> None:
    server = own_valkey()
    shop = Shop.at(tmp_path, redis=server.url, prefix="away")
    server.stop()

    with shop.running("run", "orders") as worker:
        assert worker.stderr is not None
        worker.stderr.readline()
        worker.send_signal(signal.SIGTERM)
        worker.communicate(timeout=30)

    assert worker.returncode == exits.DONE


def test_until_caught_up_names_what_stands_halted_in_another_worker_and_ends(
    shop: Shop, valkey: RedisServer
) -> None:
    shop.publish(range(20))
    with redis.Redis.from_url(valkey.url) as client:
        for stream in range(4):
            client.xadd(f"{shop.topic}:{stream}", {"data": "no event"})
    with shop.running("run", "orders") as other:
        wait_until(lambda: '"halted"' in shop.projections("status", "--json").stdout)

        done = shop.projections("run", "orders", "--until-caught-up")

        assert done.returncode == exits.HALTED, done.stderr
        named = [line for line in done.stderr.splitlines() if "stands halted" in line]
        assert [line.partition(" stands")[0] for line in named] == [
            f"orders in {shop.topic}/{stream}" for stream in range(4)
        ]
        assert all("Undecodable" in line for line in named)
        assert other.poll() is None
