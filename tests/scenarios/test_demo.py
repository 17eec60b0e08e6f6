"""The demo, in small, through the public command: its last line is the proof."""

import re
import subprocess
import sys

import pytest

#: Enough for several batches on each of four partitions, and few enough for seconds.
FLIGHTS = "6000"


def demo(folder, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "consumer", "demo", "--flights", FLIGHTS, *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def checked(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stdout + done.stderr
    last = done.stdout.rstrip().splitlines()[-1]
    assert re.fullmatch(r"checked: 1\d{4} events, 0 differences", last), last


def each_counted_once(done: subprocess.CompletedProcess[str]) -> None:
    checked(done)
    assert re.search(r"^each of the 1\d,\d{3} events counted once", done.stdout, re.MULTILINE)


def killed(done: subprocess.CompletedProcess[str]) -> None:
    each_counted_once(done)
    assert "its rows written and not committed (SIGKILL)" in done.stdout
    assert "events counted once, those of the killed worker too" in done.stdout


def test_over_redis_streams_the_board_is_right_and_a_second_run_starts_clean(tmp_path, valkey):
    for _ in range(2):
        done = demo(tmp_path)
        each_counted_once(done)
    assert "projections publish flights" in done.stdout
    assert "projector: projectors.examples.counted_flights:CountedFlights" in done.stdout
    assert {path.name for path in (tmp_path / "build/demo").iterdir()} == {"flights.sqlite"}


def test_over_redis_streams_a_worker_killed_in_its_transaction_repeats_nothing_and_loses_nothing(
    tmp_path, valkey
):
    killed(demo(tmp_path, "--kill"))


def test_in_postgresql_the_board_is_right_and_nothing_is_left(tmp_path, valkey, postgresql):
    done = demo(tmp_path, "--store", "postgres")
    each_counted_once(done)
    assert "postgresql: {url: postgresql://" in done.stdout
    assert "a PostgreSQL that has ended with the demo" in done.stdout
    assert not list(tmp_path.iterdir())


def test_in_postgresql_a_worker_killed_in_its_transaction_repeats_nothing_and_loses_nothing(
    tmp_path, valkey, postgresql
):
    killed(demo(tmp_path, "--store", "postgres", "--kill"))


def test_over_a_kafka_of_its_own_a_killed_worker_repeats_nothing_and_loses_nothing(tmp_path, kafka):
    killed(demo(tmp_path, "--kafka", "--kill"))


def test_over_a_kafka_that_is_there_already(tmp_path, kafka):
    for _ in range(2):
        checked(demo(tmp_path, "--kafka", kafka.bootstrap))


def test_a_broker_that_is_not_there_is_said_in_a_few_lines(tmp_path, valkey):
    done = demo(tmp_path, "--kafka", "127.0.0.1:1")
    assert done.returncode == 1
    assert "publish ended with exit code" in done.stdout
    assert "events published" not in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_a_folder_that_cannot_be_made_is_said_in_a_line(tmp_path):
    (tmp_path / "build").touch()
    done = demo(tmp_path)
    assert done.returncode == 1
    assert done.stderr == "the read model cannot go to build/demo: Not a directory\n"


@pytest.mark.parametrize("words", [["--flights", "0"], ["127.0.0.1:9092"], ["--store", "oracle"]])
def test_wrong_usage_is_said(tmp_path, words):
    assert demo(tmp_path, *words).returncode == 2
