"""`projections status` over real brokers: what is shown is what is, whether workers live or not."""

from __future__ import annotations

import json
import os
import pty
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from consumer.cli import exits
from tests.fleet import PROJECTION, ROOT, eventually
from tests.ledger import BEFORE_APPLY
from tests.scenarios.kafka.story import Story as KafkaStory
from tests.scenarios.operator import BeginOnEither, Operator, poison
from tests.scenarios.shop import Shop, wait_until
from tests.servers import RedisServer


def test_it_shows_a_projection_from_before_its_first_worker_to_after_its_last(
    begin_on_either: BeginOnEither,
) -> None:
    with begin_on_either() as story:
        fleet, operator = story.fleet, Operator(story.fleet)
        story.publish(200)
        before = operator.partitions()
        assert {each["state"] for each in before.values()} == {"never-ran"}
        assert set(before) == {str(each) for each in story.partitions}

        worker = fleet.spawn()
        eventually(fleet.everything_is_committed, "everything is committed")
        while_it_runs = operator.partitions()
        worker.stop()
        afterwards = operator.partitions()

    for name, found in while_it_runs.items():
        assert (found["state"], found["owner_present"]) == ("running", True)
        assert found["current_offset"] == found["log_end"] == before[name]["log_end"]
        assert (found["lag_events"], found["lag_seconds"]) == (0, 0)
        assert (found["epoch"], found["since"][:2]) == (1, "20")
        assert f":{worker.pid}:" in found["owner"]
        expected = fleet.expected[next(each for each in story.partitions if str(each) == name)]
        last = expected[-1]
        # Kafka's group stands at the next offset, Redis' at the last entry.
        assert found["log_end"] == (
            str(len(expected)) if isinstance(story, KafkaStory) else str(last)
        )
    assert {each["state"] for each in afterwards.values()} == {"unowned"}
    assert {each["owner"] for each in afterwards.values()} == {None}


def test_what_is_not_applied_yet_is_the_lag_and_a_killed_workers_owner_is_gone(
    begin_on_either: BeginOnEither,
) -> None:
    with begin_on_either() as story:
        fleet, operator = story.fleet, Operator(story.fleet)
        story.publish(200)
        fleet.caught_up()
        story.publish(100)
        fleet.hold(BEFORE_APPLY)
        worker = fleet.spawn()
        eventually(lambda: fleet.held(worker), "held before its apply")
        stuck = operator.status()["partitions"]
        worker.kill()
        eventually(lambda: "owner-gone" in operator.states(), "its lease ran out")
        gone = operator.status()["partitions"]

    assert sum(each["lag_events"] for each in stuck) == 100
    assert max(each["lag_seconds"] for each in stuck) > 0
    assert [each["lag_events"] for each in gone] == [each["lag_events"] for each in stuck]
    behind = [each for each in gone if each["owner"]]
    assert behind
    assert {(each["state"], each["owner_present"]) for each in behind} == {("owner-gone", False)}


def test_a_halted_partition_says_why_while_its_worker_lives_and_afterwards(
    begin_on_either: BeginOnEither,
) -> None:
    with begin_on_either() as story:
        fleet, operator = story.fleet, Operator(story.fleet)
        story.publish(200)
        bad = story.partitions[1]
        poison(story, bad)
        worker = fleet.spawn()
        eventually(fleet.everything_is_committed, "what can be applied is")
        eventually(lambda: operator.partitions()[str(bad)]["state"] == "halted", "it is noted")
        alive = operator.partitions()
        worker.stop()
        stopped = operator.partitions()

    for found in (alive, stopped):
        assert found[str(bad)]["state"] == "halted"
        assert found[str(bad)]["reason"].startswith("Undecodable: ")
        assert found[str(bad)]["lag_events"] == 1
    assert alive[str(bad)]["owner_present"]
    assert {each["state"] for name, each in alive.items() if name != str(bad)} == {"running"}
    assert {each["state"] for name, each in stopped.items() if name != str(bad)} == {"unowned"}


def test_a_batch_that_is_tried_again_shows_as_waiting(tmp_path: Path, valkey: RedisServer) -> None:
    shop = Shop.at(tmp_path, redis=valkey.url, prefix=f"status-{uuid4().hex}")
    shop.publish(range(20))
    (tmp_path / "fail").touch()
    found: list[dict[str, str]] = []

    def is_waiting() -> bool:
        done = shop.projections("status", "--json")
        (projection,) = json.loads(done.stdout)["projections"]
        found[:] = [each for each in projection["partitions"] if each["state"] == "waiting"]
        return bool(found)

    with shop.running("run", "orders"):
        wait_until(is_waiting)

    assert "KeyError" in found[0]["reason"]
    assert "jane@example.com" not in found[0]["reason"]


def test_a_broker_that_is_away_hides_no_checkpoint(tmp_path: Path, valkey: RedisServer) -> None:
    prefix = f"status-{uuid4().hex}"
    shop = Shop.at(tmp_path, redis=valkey.url, prefix=prefix)
    shop.publish(range(20))
    assert shop.projections("run", "orders", "--until-caught-up").returncode == exits.DONE
    settings = tmp_path / "projections.yaml"
    source = f'main: {{redis: {{url: "{valkey.url}"'
    assert source in settings.read_text()
    settings.write_text(
        settings.read_text().replace(source, 'main: {redis: {url: "redis://127.0.0.1:1/0"')
    )

    done = shop.projections("status", "--json")
    shown = shop.projections("status")

    assert (done.returncode, shown.returncode) == (exits.FAILED, exits.FAILED)
    (projection,) = json.loads(done.stdout)["projections"]
    assert "127.0.0.1:1" in projection["trouble"] or "onnect" in projection["trouble"]
    assert {each["state"] for each in projection["partitions"]} == {"unowned"}
    assert all(each["current_offset"] and not each["log_end"] for each in projection["partitions"])
    assert "orders: its log tells no end: " in shown.stdout
    assert f"{prefix}-orders/0" in shown.stdout


def test_ctrl_c_ends_a_watch_of_a_source_that_takes_and_never_answers(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        (tmp_path / "projections.yaml").write_text(
            "offsets: {sqlite: {path: offsets.sqlite}}\n"
            f'sources: {{main: {{kafka: {{bootstrap_servers: ["127.0.0.1:{port}"]}}}}}}\n'
            'projections: {shop: {projector: "a:b", source: {from: main, topics: [orders]}}}\n'
        )
        watch = subprocess.Popen(
            [sys.executable, "-m", "consumer", "status", "--watch"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        with watch:
            asking, _ = silent.accept()
            with asking:
                watch.send_signal(signal.SIGINT)
                # The client itself asks for longer.
                out, err = watch.communicate(timeout=5)

    assert (watch.returncode, out, err) == (exits.DONE, b"", b"")


def test_an_offset_store_that_is_away_is_told_in_a_line(tmp_path: Path) -> None:
    shop = Shop.at(tmp_path, redis="redis://127.0.0.1:1/0", prefix="status")

    done = shop.projections("status")

    assert (done.returncode, done.stdout) == (exits.FAILED, "")
    assert len(done.stderr.splitlines()) == 1


def test_a_watch_goes_on_until_ctrl_c(begin_on_either: BeginOnEither) -> None:
    with begin_on_either() as story:
        story.publish(20)
        words = ("status", PROJECTION, "--watch", "--every", "0.2", "--json")
        with Operator(story.fleet).start(*words) as watch:
            assert watch.stdout is not None
            first = json.loads(watch.stdout.readline())
            story.fleet.caught_up()
            latest = first
            while latest["projections"][0]["partitions"][0]["current_offset"] is None:
                latest = json.loads(watch.stdout.readline())
            watch.send_signal(signal.SIGINT)
            _, err = watch.communicate(timeout=30)

    assert (watch.returncode, err) == (exits.DONE, "")
    assert first["projections"][0]["partitions"][0]["state"] == "never-ran"
    assert latest["at"] > first["at"]


def test_on_a_terminal_a_watch_redraws_until_ctrl_c(tmp_path: Path, valkey: RedisServer) -> None:
    shop = Shop.at(tmp_path, redis=valkey.url, prefix=f"status-{uuid4().hex}")
    shop.publish(range(20))
    ours, theirs = pty.openpty()
    words = ("-m", "consumer", "status", "--watch", "--every", "0.1")
    watch = subprocess.Popen(
        [sys.executable, *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "80"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    seen = b""
    with watch, suppress(OSError):  # in the end they closed it
        while seen.count(b"never-ran") < 12:  # three looks at four partitions
            seen += os.read(ours, 65536)
        watch.send_signal(signal.SIGINT)
        while more := os.read(ours, 65536):
            seen += more
    os.close(ours)

    assert watch.returncode == exits.DONE, seen
    assert b"Traceback" not in seen
    assert seen.count(b"\x1b[2K") > 4, "it draws over what it drew"
